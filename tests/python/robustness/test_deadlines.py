"""Calls that are given up, by a time, the program or Ctrl-C, and what becomes of the work."""

import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest
import sinew

import wire
from harness.combos import only, ours_only
from harness.presence import require
from harness.waiting import Stopwatch, Worker, eventually

SERVICE = "labour:labour"


@pytest.fixture
def pair(serve, connect_to):
    """A connection whose service works, and one to watch it with."""
    server = serve(SERVICE, fresh=True)
    conn, watcher = connect_to(server), connect_to(server)
    meet(conn)
    return conn, watcher.root


class Attachment:
    """An object that is handed to a call."""

    def __init__(self, dead):
        weakref.finalize(self, dead.append, True)


def meet(conn):
    """Have the two agree on what they extend."""
    conn.ping()
    conn.ping()


def call_for_ever(root):
    while True:
        root.nothing()


@only(client="ours")
def test_a_deadline_frees_the_caller_and_says_which_call_it_was(pair):
    conn, _ = pair
    spin = conn.root.spin
    watch = Stopwatch()
    with pytest.raises(TimeoutError) as caught, sinew.deadline(0.3):
        spin()
    assert 0.25 < watch.seconds < 1
    assert "no answer within 0.3" in str(caught.value)
    assert "a call of " in str(caught.value)
    assert " -> " in str(caught.value), "between which ends"


@only(client="ours")
def test_the_message_names_the_method(pair):
    root = pair[0].root
    root.nothing()
    method = pytest.raises(TimeoutError, match=r"a call of the method 'spin' of .*Labour")
    with method, sinew.deadline(0.2):
        root.spin()


@only(client="ours")
def test_a_deadline_covers_all_calls_of_its_block(pair):
    conn, _ = pair
    watch = Stopwatch()
    with pytest.raises(TimeoutError), sinew.deadline(0.5):
        call_for_ever(conn.root)
    assert 0.4 < watch.seconds < 1.5
    assert conn.root.nothing() is None


@only(client="ours")
def test_nested_deadlines_end_with_the_first(pair):
    conn, _ = pair
    with sinew.deadline(0.2) as outer, sinew.deadline(60) as inner:
        assert 0.2 >= outer.remaining() >= inner.remaining()
        with pytest.raises(TimeoutError):
            conn.root.spin()


@only(client="ours", server="ours")
def test_the_work_stops_when_its_deadline_passes(pair):
    conn, watcher = pair
    with pytest.raises(TimeoutError), sinew.deadline(0.2):
        conn.root.spin()
    eventually(lambda: watcher.ended() == ("Cancelled",))


@only(client="ours", server="ours")
def test_a_deadline_covers_what_the_call_calls_in_turn(pair):
    """The server calls back, and that call, which would last, ends with the deadline, too."""
    conn, watcher = pair
    entered = threading.Event()

    def slow():
        entered.set()
        while True:
            time.sleep(0.001)  # lint: workload

    with pytest.raises(TimeoutError), sinew.deadline(0.4):
        conn.root.call(slow)
    assert entered.is_set()
    eventually(lambda: watcher.ended() != ())


@only(client="ours", server="ours")
def test_a_call_whose_deadline_has_passed_is_not_started(pair):
    conn, watcher = pair
    note = sinew.async_(conn.root.note)
    blocked = sinew.async_(conn.root.spin_for)(0.5)
    dead = []
    with sinew.deadline(0.1):
        late = note("late", Attachment(dead))
    with pytest.raises(TimeoutError):
        late.wait()
    blocked.wait()
    conn.root.note("on time")
    assert watcher.notes() == ("on time",)
    eventually(lambda: dead or conn.ping(), what="what it was handed is given back")


@only(client="ours", server="ours")
def test_the_time_limit_of_a_call_stops_the_work(pair):
    conn, watcher = pair
    conn._config["sync_request_timeout"] = 0.2
    with pytest.raises(TimeoutError):
        conn.root.spin()
    eventually(lambda: watcher.ended() == ("Cancelled",))


@only(client="ours", server="ours")
def test_timed_stops_the_work(pair):
    conn, watcher = pair
    result = sinew.timed(conn.root.spin, 0.2)()
    eventually(lambda: watcher.ended() == ("Cancelled",))
    with pytest.raises(TimeoutError):
        result.wait()


@only(client="ours", server="ours")
def test_a_cancelled_result_frees_the_caller_and_stops_the_work(pair):
    conn, watcher = pair
    result = sinew.async_(conn.root.spin)()
    assert watcher.entered()
    assert result.cancel()
    assert not result.cancel(), "it is cancelled already"
    with pytest.raises(sinew.Cancelled):
        result.wait()
    eventually(lambda: watcher.ended() == ("Cancelled",))
    assert conn.root.nothing() is None


@only(client="ours")
def test_another_thread_may_cancel_what_a_thread_waits_for(pair):
    conn, watcher = pair
    result = sinew.async_(conn.root.spin_for)(5)
    waiting = Worker(result.wait)
    assert watcher.entered()
    assert result.cancel()
    watch = Stopwatch()
    with pytest.raises(sinew.Cancelled):
        waiting.result()
    assert watch.seconds < 1


@only(client="ours", server="stock")
def test_a_stock_server_works_on_and_the_caller_is_free(pair):
    conn, _ = pair
    result = sinew.async_(conn.root.spin_for)(0.3)
    assert result.cancel()
    with pytest.raises(sinew.Cancelled):
        result.wait()
    assert conn.root.nothing() is None


@only(client="ours")
def test_what_is_done_cannot_be_cancelled(pair):
    conn, _ = pair
    result = sinew.async_(conn.root.nothing)()
    result.wait()
    assert not result.cancel()
    assert result.value is None


@only(client="ours", server="ours")
def test_ctrl_c_stops_the_work(pair):
    conn, watcher = pair

    def interrupt():
        assert watcher.entered()
        os.kill(os.getpid(), signal.SIGINT)

    worker = Worker(interrupt)
    with pytest.raises(KeyboardInterrupt):
        conn.root.spin()
    worker.result()
    eventually(lambda: watcher.ended() == ("Cancelled",))


@only(client="ours", server="ours")
def test_a_call_that_was_not_started_is_cancelled_too(pair):
    conn, watcher = pair
    spin, note = sinew.async_(conn.root.spin), sinew.async_(conn.root.note)
    first = spin()
    dead = []
    second = note("second", Attachment(dead))
    assert watcher.entered()
    assert second.cancel()
    eventually(lambda: second.expired)
    assert first.cancel()
    eventually(lambda: watcher.ended() == ("Cancelled",))
    conn.root.note("third")
    assert watcher.notes() == ("third",)
    eventually(lambda: dead or conn.ping(), what="what it was handed is given back")


@only(client="ours", server="ours")
def test_a_cancelled_call_that_waits_for_another_is_stopped(pair):
    """The server's thread waits in a call back to us, which never ends by itself."""
    conn, watcher = pair
    release = threading.Event()
    result = sinew.async_(conn.root.call)(lambda: release.wait(20))
    serving = Worker(conn.serve, 5)
    assert watcher.entered()
    assert result.cancel()
    eventually(lambda: watcher.ended() == ("Cancelled",))
    release.set()
    serving.result()


@only(client="ours", server="ours")
def test_a_cancellation_never_hits_the_next_call(pair):
    conn, watcher = pair
    quick = sinew.async_(conn.root.nothing)
    for _ in range(2000):
        quick().cancel()
    assert watcher.ended() == ()
    for _ in range(100):
        assert conn.root.nothing() is None


@only(client="ours", server="ours")
def test_a_cancellation_never_hits_a_call_inside_of_its_own(pair):
    """It is for a thread that waits for us, and serves what we call meanwhile."""
    conn, watcher = pair
    call, note = sinew.async_(conn.root.call), conn.root.note
    rounds = 200
    done = []

    def call_inside(results):
        results[0]().cancel()
        for _ in range(5):
            note("inside")
        done.append(True)

    for _ in range(rounds):
        references = []
        result = call(functools.partial(call_inside, references))
        references.append(weakref.ref(result))
        with contextlib.suppress(sinew.Cancelled):
            result.wait()
    assert len(done) == rounds
    assert len(watcher.notes()) == 5 * rounds


@only(client="ours", server="ours")
def test_a_storm_of_cancellations_leaves_nothing(pair):
    """Cheap to send, and cheap to serve: what was given up does not pile up."""
    conn, watcher = pair
    spin_for = sinew.async_(conn.root.spin_for)
    for _ in range(500):
        spin_for(10).cancel()
    watch = Stopwatch()
    assert conn.root.nothing() is None
    assert watch.seconds < 5
    assert watcher.nothing() is None


@pytest.fixture
def unread(lib):
    """A connection to a peer that reads nothing."""
    ours, theirs = socket.socketpair()
    config = {"heartbeat": None, "close_timeout": 0.3, "sync_request_timeout": None}
    conn = lib.connect_stream(lib.SocketStream(ours), config=config)
    with theirs:
        yield conn
        conn.close()


@ours_only
def test_a_deadline_holds_while_an_argument_does_not_fit(unread):
    watch = Stopwatch()
    with pytest.raises(TimeoutError), sinew.deadline(0.3):
        unread.sync_request(wire.PING, bytes(20 << 20))
    assert 0.25 < watch.seconds < 3


@ours_only
def test_a_time_limit_holds_while_an_argument_does_not_fit(unread):
    watch = Stopwatch()
    result = unread.async_request(wire.PING, bytes(20 << 20), timeout=0.3)
    assert watch.seconds < 3
    with pytest.raises(TimeoutError):
        _ = result.value


@ours_only
def test_closing_does_not_wait_for_a_peer_that_reads_nothing(unread):
    with pytest.raises(TimeoutError), sinew.deadline(0.1):
        unread.sync_request(wire.PING, bytes(20 << 20))
    watch = Stopwatch()
    unread.close()
    assert watch.seconds < 3


@ours_only
def test_what_the_peer_does_at_the_end_is_not_stopped_by_a_deadline(lib):
    ended = []

    class Tidy(lib.Service):
        def on_disconnect(self, conn):
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                time.sleep(0.001)  # lint: workload
            ended.append("tidied up")

    conn = lib.connect_thread(remote_service=Tidy, config={"close_timeout": 0.1})
    meet(conn)
    with sinew.deadline(0.2):
        conn.close()
    eventually(lambda: ended == ["tidied up"])


@ours_only
@pytest.mark.parametrize("seconds", [-1, float("nan"), float("-inf")])
def test_a_deadline_must_lie_ahead(seconds):
    with pytest.raises(ValueError, match="future"):
        sinew.deadline(seconds)


@ours_only
@pytest.mark.parametrize("seconds", [1e9, 1e10, 1e300, float("inf")])
def test_a_deadline_may_lie_far_ahead(lib, seconds):
    conn = lib.connect_thread()
    meet(conn)
    with sinew.deadline(seconds):
        conn.ping()
    conn.close()


@ours_only
def test_a_deadline_belongs_to_its_thread():
    with sinew.deadline(5):
        assert Worker(lambda: sinew._sinew.deadline_variable.get(None)).result() is None


# What is on the wire, seen by a peer that the test plays.

EXTENSION, DEADLINE, CANCEL = 4, 3, 4


@pytest.fixture
def raw(serve):
    with wire.Raw(serve("limits:greedy").port) as client:
        offer = b"\x93SINEW?" + wire.encode(((DEADLINE, 1), (CANCEL, 1)))
        client.send(wire.frame(wire.message(wire.REQUEST, 0, (wire.PING, wire.boxed((offer,))))))
        assert client.reply()[0] == wire.REPLY
        yield client


@only(server="ours", client="ours")
def test_a_deadline_must_be_followed_by_its_request(raw):
    raw.send(wire.frame(wire.message(EXTENSION, DEADLINE, (7, 1000))))
    raw.send(wire.request(8, wire.PING, wire.boxed("x")))
    assert raw.is_closed_by_peer()


@only(server="ours", client="ours")
@pytest.mark.parametrize("body", [(), (1,), (1, -1), (-1, 1), (1, 1 << 40), (1, 2, 3)])
def test_a_deadline_that_is_none_ends_the_connection(raw, body):
    raw.send(wire.frame(wire.message(EXTENSION, DEADLINE, body)))
    assert raw.is_closed_by_peer()


@only(server="ours", client="ours")
def test_cancelling_what_never_was_harms_nobody(raw):
    for seq in range(5000):
        raw.send(wire.frame(wire.message(EXTENSION, CANCEL, (1 << 40 | seq,))))
    assert raw.ask(1, wire.PING, wire.boxed("x")) == (wire.REPLY, 1, wire.boxed("x"))


# Answers that nobody asked for, without a pause.
FLOOD = """
import socket, sys
sys.path.insert(0, sys.argv[1])
import wire
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
client = listener.accept()[0]
client.recv(4096)
answers = wire.frame(wire.message(wire.REPLY, 999_999, wire.boxed(None))) * 10_000
try:
    while True:
        client.sendall(answers)
except OSError:
    pass
"""


def test_a_deadline_holds_against_a_peer_that_never_pauses():
    """And other threads of the program go on."""
    require("ours")
    flooding = subprocess.Popen(
        [sys.executable, "-c", FLOOD, str(Path(wire.__file__).parent)], stdout=subprocess.PIPE
    )
    ticks, over = [], threading.Event()

    def tick():
        while not over.wait(0.01):
            ticks.append(1)

    ticking = Worker(tick)
    try:
        conn = sinew.connect(f"tcp://127.0.0.1:{int(flooding.stdout.readline())}")
        watch = Stopwatch()
        for _ in range(3):
            with pytest.raises(TimeoutError), sinew.deadline(0.3):
                conn.ping(timeout=20)
        assert watch.seconds < 5
        assert len(ticks) >= 10
        flooding.kill()
        conn.close()
    finally:
        over.set()
        ticking.result()
        flooding.kill()
        flooding.wait()
        flooding.stdout.close()
