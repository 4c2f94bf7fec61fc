"""Calls that nobody runs: limits, deadlines, cancellation, closing."""

import gc
import signal
import subprocess
import sys
from select import select

import pytest

from harness.combos import only, ours_only
from harness.waiting import Stopwatch, Worker, eventually

pytestmark = only(server="ours")


@pytest.fixture
def still(ours):
    """A MainLoop that nobody drains but the test."""
    made = ours.dispatch.MainLoop(max_pending=3)
    yield made
    made.close()


@pytest.fixture
def root(still, served, connect_here):
    """The root of a client whose calls wait."""
    joining = Worker(connect_here, served(still))
    conn = drained(still, joining)
    return drained(still, Worker(lambda: conn.root))


def drained(loop, worker):
    """Run what comes until the worker has its result."""
    while worker.is_alive():
        select([loop], [], [], 0.01)
        loop.run_pending()
    return worker.result()


def test_one_call_too_many_is_refused_and_the_others_are_run(still, root, rpyc):
    add = rpyc.async_(drained(still, Worker(lambda: root.add)))
    results = [add(i, 1) for i in range(3)]
    eventually(lambda: still.pending == 3)
    late = add(9, 9)
    with pytest.raises((ValueError, RecursionError), match="max_pending"):
        late.value  # noqa: B018 - waits
    assert not any(result.ready for result in results)
    assert still.run_pending() == 3
    assert [result.value for result in results] == [1, 2, 3]
    assert still.pending == 0


@only(client="ours")
def test_what_a_refused_call_lent_is_given_back(still, root, ours):
    call = ours.async_(drained(still, Worker(lambda: root.call)))
    conn = object.__getattribute__(root, "____conn__")
    lent = conn.counts()["exports"]
    waiting = [call(lambda: None) for _ in range(3)]
    eventually(lambda: still.pending == 3)
    with pytest.raises(ours.LimitError):
        call(lambda: None).value  # noqa: B018
    assert waiting[0].cancel()
    still.close()
    for result in waiting[1:]:
        with pytest.raises(RuntimeError, match="closed"):
            result.value  # noqa: B018
    eventually(lambda: conn.poll_all(0.01) or conn.counts()["exports"] == lent)


def test_what_is_named_in_a_waiting_call_is_there_when_it_is_run(still, root, rpyc):
    make = drained(still, Worker(lambda: root.thing))
    thing = drained(still, Worker(make))
    call = rpyc.async_(drained(still, Worker(lambda: root.call)))
    length = drained(still, Worker(lambda: root.length))
    result = call(length, thing)
    eventually(lambda: still.pending == 1)
    del thing, length
    gc.collect()
    root.____conn__.ping()  # takes the releases along
    still.run_pending()
    result.set_expiry(10)
    assert result.value == 2


def test_a_loop_of_ones_own_watches_the_descriptor(still, root, rpyc):
    add = rpyc.async_(drained(still, Worker(lambda: root.add)))
    assert select([still], [], [], 0)[0] == []
    result = add(1, 2)
    assert select([still], [], [], 10)[0] == [still]
    assert still.run_pending() == 1
    assert select([still], [], [], 0)[0] == []
    assert result.value == 3


def test_a_call_that_is_not_run_in_time_is_answered_and_not_run(
    ours, served, connect_here, work, rpyc
):
    loop = ours.dispatch.MainLoop(start_within=0.3)
    joining = Worker(connect_here, served(loop))
    conn = drained(loop, joining)
    note = rpyc.async_(drained(loop, Worker(lambda: conn.root.note)))
    watch = Stopwatch()
    with pytest.raises(TimeoutError, match=r"MainLoop has not run the call for 0\.3"):
        note("late").value  # noqa: B018
    assert 0.25 < watch.seconds < 5
    loop.run_pending()
    assert "late" not in work.journal
    assert loop.pending == 0


@only(client="ours")
def test_the_callers_deadline_says_who_has_not_run_the_call(still, root, ours, work):
    note = drained(still, Worker(lambda: root.note))
    watch = Stopwatch()
    with pytest.raises(TimeoutError), ours.deadline(0.5):
        note("late")
    assert watch.seconds < 5
    eventually(lambda: still.pending == 0)
    still.run_pending()
    assert "late" not in work.journal


@only(client="ours")
def test_a_call_that_is_cancelled_while_it_waits_is_not_run(still, root, ours, work):
    note = ours.async_(drained(still, Worker(lambda: root.note)))
    result = note("cancelled")
    eventually(lambda: still.pending == 1)
    assert result.cancel()
    eventually(lambda: still.pending == 0)
    still.run_pending()
    assert "cancelled" not in work.journal


@only(client="ours")
def test_cancelling_stops_what_runs_on_the_dispatchers_thread(served, connect_here, loop, ours):
    stopped = []

    class Busy(ours.rpyc.Service):
        def exposed_spin(self):
            stopped.append("started")
            try:
                while True:
                    pass
            except ours.Cancelled:
                stopped.append("stopped")
                raise

        def exposed_add(self, a, b):
            return a + b

    conn = connect_here(served(loop, Busy))
    result = ours.async_(conn.root.spin)()
    eventually(lambda: stopped == ["started"])
    assert result.cancel()
    eventually(lambda: stopped == ["started", "stopped"])
    assert conn.root.add(1, 2) == 3


def test_closing_fails_what_waits_and_what_comes(still, root, rpyc):
    add = rpyc.async_(drained(still, Worker(lambda: root.add)))
    waiting = add(1, 2)
    eventually(lambda: still.pending == 1)
    still.close()
    for result in (waiting, add(3, 4)):
        result.set_expiry(10)
        with pytest.raises(RuntimeError, match="MainLoop was closed"):
            result.value  # noqa: B018
    assert still.pending == 0


def test_a_job_that_is_forgotten_is_answered(ours, served, connect_here, rpyc):
    posted = []
    dispatcher = ours.dispatch.Posted(posted.append)
    joining = Worker(connect_here, served(dispatcher))

    def run(worker):
        while worker.is_alive():
            if posted:
                posted.pop(0)()
        return worker.result()

    conn = run(joining)
    add = rpyc.async_(run(Worker(lambda: conn.root.add)))
    result = add(1, 2)
    eventually(lambda: posted)
    posted.clear()
    gc.collect()
    with pytest.raises(RuntimeError, match="dropped"):
        result.value  # noqa: B018


def test_a_post_that_fails_is_the_answer(ours, served, connect_here, rpyc):
    calm = True

    def post(function):
        if not calm:
            raise OSError("the program is about to end")
        function()

    conn = connect_here(served(ours.dispatch.Posted(post)))
    add = conn.root.add
    assert add(1, 2) == 3
    calm = False
    with pytest.raises(OSError, match="about to end"):
        add(1, 2)


def test_a_client_that_leaves_while_its_calls_run_takes_nothing_with_it(
    ours, served, connect_here, work, rpyc
):
    server = served(ours.dispatch.Pool(2))
    conn, other = connect_here(server), connect_here(server)
    other.ping()  # it has been welcomed, which takes the pool, too
    wait = rpyc.async_(conn.root.wait)
    waiting = [wait() for _ in range(4)]
    assert work.entered.acquire(timeout=10)
    assert work.entered.acquire(timeout=10)
    conn._channel.close()
    other.ping()
    work.gate.set()
    assert other.root.add(1, 2) == 3
    eventually(lambda: any(item[0] == "disconnect" for item in work.journal))
    assert len(waiting) == 4


PROGRAM = """
import sinew, threading
loop = sinew.dispatch.MainLoop()
class Thing:
    @sinew.expose
    def spin(self):
        while True: pass
from sinew.serving import make_server
server = make_server(Thing(), "tcp://127.0.0.1:0", dispatcher=loop)
server._start_in_thread()
print(server.port, flush=True)
try:
    loop.run_forever()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("busy", [False, True])
def test_ctrl_c_ends_the_loop(connect_to, rpyc, busy):
    program = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    program.port = int(program.stdout.readline())
    conn = connect_to(program)
    conn.root  # noqa: B018 - asks for it: the loop runs
    if busy:
        spinning = rpyc.async_(conn.root.spin)()
        conn.ping()  # it has come there
    watch = Stopwatch()
    program.send_signal(signal.SIGINT)
    assert program.stdout.readline() == "interrupted\n"
    assert watch.seconds < 2
    if busy:
        spinning.set_expiry(10)
        with pytest.raises((RuntimeError, EOFError)):
            spinning.value  # noqa: B018
    assert program.wait(10) == 0
    program.stdout.close()


@ours_only
def test_options_that_make_no_sense_are_refused(impl, ours):
    with pytest.raises(ValueError, match="max_pending"):
        ours.dispatch.MainLoop(max_pending=0)
    with pytest.raises(ValueError, match="start_within"):
        ours.dispatch.Pool(start_within=-1)
    with pytest.raises(ValueError, match="at least 1 thread"):
        ours.dispatch.Pool(0)
