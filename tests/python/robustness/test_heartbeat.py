"""A peer that is gone is noticed, and one that is only busy is left alone."""

import ctypes
import select
import signal
import socket

import pytest

import wire
from harness.combos import only
from harness.waiting import Stopwatch, Worker, eventually

SERVICE = "gates:gates"
INTERVAL = 0.4
QUICK = {"heartbeat": INTERVAL, "sync_request_timeout": None}
# Longer than it takes to give a peer up.
LONG = 4 * INTERVAL
OFFER_OF_A_HEARTBEAT = wire.frame(
    wire.message(
        wire.REQUEST, 1, (wire.PING, wire.boxed((b"\x93SINEW?" + wire.encode(((1, 1),)),)))
    )
)


def compute(seconds):
    """Hold the GIL and let nobody else have it, as an extension that computes does."""
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))  # lint: workload


def meet(conn):
    """Have the two agree on what they extend."""
    conn.ping()
    conn.ping()


@only(client="ours", server="ours")
def test_a_frozen_peer_is_noticed_within_two_intervals(serve, connect_to):
    server = serve(SERVICE, fresh=True)
    conn = connect_to(server, config=QUICK)
    add = conn.root.add
    meet(conn)
    server.signal(signal.SIGSTOP)
    watch = Stopwatch()
    with pytest.raises(EOFError, match=r"nothing has been heard of the peer for .* -> "):
        add(1, 2)
    assert INTERVAL < watch.seconds < 2 * INTERVAL + 0.3
    assert "heartbeat 0.4 s" in conn.close_reason


@only(client="ours", server="ours")
def test_a_frozen_peer_is_noticed_by_a_program_that_does_nothing(serve, connect_to):
    server = serve(SERVICE, fresh=True)
    conn = connect_to(server, config=QUICK)
    meet(conn)
    server.signal(signal.SIGSTOP)
    eventually(lambda: conn.closed)
    assert "nothing has been heard" in conn.close_reason


@only(client="ours")
def test_a_killed_server_is_noticed_by_a_program_that_does_nothing(serve, connect_to):
    server = serve(SERVICE, fresh=True)
    conn = connect_to(server, config=QUICK)
    meet(conn)
    server.signal(signal.SIGKILL)
    eventually(lambda: conn.closed)


@only(client="ours", server="ours")
@pytest.mark.soak
def test_a_server_that_holds_its_interpreter_is_not_taken_for_dead(serve, connect_to, rpyc, soak):
    server = serve("classic:slave", fresh=True)
    conn = connect_to(server, config=QUICK, service=rpyc.ClassicService)
    meet(conn)
    seconds = soak.amount(LONG, 60)
    conn.modules.ctypes.PyDLL(None).usleep(int(seconds * 1e6))  # lint: workload
    assert conn.eval("1 + 1") == 2
    soak.record("S22", f"a server held its interpreter for {seconds:g} s, heartbeat {INTERVAL} s")


@only(client="ours", server="ours")
def test_a_long_call_is_not_taken_for_death(serve, connect_to):
    server = serve(SERVICE, fresh=True, config={"heartbeat": INTERVAL})
    conn, watcher = connect_to(server, config=QUICK), connect_to(server)
    meet(conn)
    worker = Worker(conn.root.wait, "long")
    assert watcher.root.entered("long")
    compute(LONG)
    watcher.root.open("long")
    worker.result(10)


@only(client="ours", server="ours")
@pytest.mark.soak
def test_a_client_that_holds_its_interpreter_is_not_taken_for_dead(serve, connect_to, soak):
    conn = connect_to(serve(SERVICE, fresh=True, config={"heartbeat": INTERVAL}), config=QUICK)
    meet(conn)
    seconds = soak.amount(LONG, 60)
    compute(seconds)
    assert conn.root.add(1, 2) == 3
    soak.record("S22", f"a client held its interpreter for {seconds:g} s, heartbeat {INTERVAL} s")


@only(client="ours", server="ours")
def test_a_frozen_client_is_let_go_of(serve, connect_to):
    server = serve(SERVICE, fresh=True, config={"heartbeat": INTERVAL})
    watcher = connect_to(server, config={"heartbeat": None})
    with wire.Raw(server.port) as silent:
        silent.send(wire.request(0, wire.PING, wire.boxed("x")))
        silent.send(OFFER_OF_A_HEARTBEAT)
        eventually(lambda: watcher.root.clients() == 2)
        eventually(lambda: watcher.root.clients() == 1)


@only(client="ours", server="stock")
def test_a_frozen_stock_peer_may_be_busy(serve, connect_to):
    server = serve(SERVICE, fresh=True)
    conn = connect_to(server, config=QUICK)
    add = conn.root.add
    worker = Worker(compute, LONG)
    server.signal(signal.SIGSTOP)
    worker.result(10)
    server.signal(signal.SIGCONT)
    assert add(1, 2) == 3


@only(client="ours", server="ours")
def test_without_heartbeat_nobody_is_given_up(serve, connect_to):
    server = serve(SERVICE, fresh=True)
    conn = connect_to(server, config={"heartbeat": None})
    meet(conn)
    server.signal(signal.SIGSTOP)
    compute(LONG)
    assert not conn.closed
    server.signal(signal.SIGCONT)
    assert conn.root.add(1, 2) == 3


# Against a peer that the test plays.


@pytest.fixture
def ends(lib):
    ours, theirs = socket.socketpair()
    config = {"heartbeat": 0.2, "extensions": False, "close_timeout": 0}
    conn = lib.connect_stream(lib.SocketStream(ours), config=config)
    with wire.Raw.over(theirs) as peer:
        yield conn, peer
        conn.close()


@pytest.mark.impls("ours")
def test_a_stock_peer_is_asked_one_thing_at_a_time(ends):
    conn, peer = ends
    peer.send(wire.request(0, wire.PING, wire.boxed("x")))
    assert conn.poll(5)
    assert peer.reply()[0] == wire.REPLY
    kind, seq, (handler, _) = peer.reply()
    assert (kind, handler) == (wire.REQUEST, wire.PING)
    assert peer.is_quiet(for_seconds=1), "asked again before it answered"
    peer.send(wire.frame(wire.message(wire.REPLY, seq, wire.boxed(""))))
    assert peer.reply()[0] == wire.REQUEST


@pytest.mark.impls("ours")
def test_a_message_stays_where_an_event_loop_sees_it(ends):
    """The caretaker looks at what has come and takes no message away."""
    conn, peer = ends
    peer.send(wire.request(0, wire.PING, wire.boxed("x")))
    compute(0.5)
    assert select.select([conn], [], [], 0)[0]
    assert conn.poll(0)
    assert peer.reply() == (wire.REPLY, 0, wire.boxed("x"))
