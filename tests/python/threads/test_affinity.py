"""On which thread a callback runs: on the one that waits for the call it belongs to."""

import threading

import pytest

from harness.combos import only
from harness.waiting import Worker

SERVICE = "gates:gates"


@pytest.fixture
def conn(serve, connect_to, rpyc):
    """A connection that another thread reads all the time."""
    conn = connect_to(serve(SERVICE, fresh=True))
    conn.ping()
    conn.ping()  # the two have agreed on what they extend
    reader = rpyc.BgServingThread(conn)
    yield conn
    reader.stop()


@only(client="ours", server="ours")
def test_a_callback_runs_on_the_thread_that_waits_for_its_call(conn):
    repeat, call = conn.root.repeat, conn.root.call
    ran_on = []

    def note(_):
        ran_on.append(threading.current_thread())

    def nested(depth):
        note(depth)
        return call(nested, depth - 1) if depth else "bottom"

    many = Worker(repeat, note, 300)
    many.result()
    assert set(ran_on) == {many}
    ran_on.clear()
    deep = Worker(call, nested, 8)
    assert deep.result() == "bottom"
    assert len(ran_on) == 9
    assert set(ran_on) == {deep}


@only(client="ours", server="ours")
def test_each_of_many_threads_serves_its_own_callbacks(conn):
    repeat = conn.root.repeat
    strangers = []

    def work():
        me = threading.current_thread()

        def callback(_):
            if threading.current_thread() is not me:
                strangers.append(threading.current_thread())

        repeat(callback, 50)

    for worker in [Worker(work) for _ in range(8)]:
        worker.result()
    assert strangers == []


@only(client="ours", server="ours")
def test_a_lock_that_a_thread_holds_over_its_call_is_its_own_in_the_callback(conn):
    lock = threading.RLock()

    def locked():
        assert lock.acquire(timeout=5), "held by the thread that waits for this very call"
        lock.release()
        return "done"

    call = conn.root.call
    for _ in range(100):
        with lock:
            assert call(locked) == "done"


@only(client="ours", server="ours")
def test_a_callback_without_a_waiting_thread_runs_where_it_is_read(conn, rpyc):
    ran = threading.Event()
    result = rpyc.async_(conn.root.call)(ran.set)
    assert ran.wait(5)
    result.wait()
