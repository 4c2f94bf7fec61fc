"""A connection served in the background, and by several threads."""

import threading

import pytest

from harness.impls import submodule
from harness.waiting import Worker, eventually


def test_background_serving_runs_callbacks_while_this_thread_does_other_things(
    conn, helper, gate, rpyc
):
    background = rpyc.BgServingThread(conn)
    try:
        seen = []
        arrived = threading.Event()

        def note(text):
            seen.append((text, threading.current_thread()))
            arrived.set()

        conn.root.call_later(note, gate)
        helper.open(gate)
        assert arrived.wait(5)
        assert seen[0][0] == "later"
        assert seen[0][1] is not threading.current_thread()
    finally:
        background.stop()


def test_calls_work_while_a_background_thread_serves(conn, rpyc):
    background = rpyc.BgServingThread(conn)
    try:
        assert [conn.root.add(n, 1) for n in range(50)] == list(range(1, 51))
        assert conn.root.call(lambda: "called back") == "called back"
    finally:
        background.stop()


def test_asynchronous_results_become_ready_in_the_background(conn, rpyc):
    background = rpyc.BgServingThread(conn)
    try:
        ready = threading.Event()
        result = rpyc.async_(conn.root.add)(1, 2)
        result.add_callback(lambda r: ready.set())
        assert ready.wait(5)
        assert result.value == 3
    finally:
        background.stop()


def test_background_serving_ends_when_stopped(conn, rpyc):
    before = threading.active_count()
    background = rpyc.BgServingThread(conn)
    assert threading.active_count() > before
    background.stop()
    eventually(lambda: threading.active_count() == before)
    assert conn.root.add(1, 2) == 3


def test_background_serving_tells_of_the_end_of_the_connection(connect, rpyc):
    conn = connect("gates:gates", fresh=True)
    told = threading.Event()
    rpyc.BgServingThread(conn, callback=told.set)
    conn.close()
    assert told.wait(5)


def test_background_serving_takes_its_intervals(conn, rpyc):
    background = rpyc.BgServingThread(conn, serve_interval=0.01, sleep_interval=0.01)
    try:
        assert conn.root.add(2, 2) == 4
    finally:
        background.stop()
    assert rpyc.BgServingThread.SLEEP_INTERVAL == 0.1
    assert rpyc.BgServingThread.SERVE_INTERVAL == 0.0


def test_spawn_runs_a_daemon_thread(lib):
    done = threading.Event()
    thread = lib.spawn(lambda event, flag=None: event.set(), done, flag=1)
    assert done.wait(5)
    assert thread.daemon


def test_spawn_waitready_returns_what_the_first_part_returned(lib):
    go = threading.Event()
    thread, value = submodule(lib, "lib").spawn_waitready(lambda: "ready", go.wait)
    assert value == "ready"
    assert thread.is_alive()
    go.set()
    thread.join(5)
    assert not thread.is_alive()


def test_serving_for_ever_ends_with_the_connection(connect, rpyc):
    conn = connect("gates:gates")
    serving = Worker(conn.serve_all)
    eventually(serving.is_alive)
    conn.root.add(1, 1)
    conn.close()
    serving.result()


@pytest.mark.timeout(20)
def test_a_server_side_thread_may_call_the_client(conn, helper, gate, rpyc):
    background = rpyc.BgServingThread(conn)
    try:
        names = []
        conn.root.call_later(names.append, gate)
        helper.open(gate)
        eventually(lambda: names == ["later"])
    finally:
        background.stop()
