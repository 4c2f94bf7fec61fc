"""The key `bind_threads`: every message names the threads that it goes between, so that replies and
nested requests reach the thread that waits for them. Both sides must have it."""

import os
import socket
import subprocess
import sys
import threading

import pytest

from harness import impls
from harness.combos import only, ours_only
from harness.impls import submodule
from harness.presence import require
from harness.waiting import Worker
from peers.gates import gates

BOUND = {"bind_threads": True}


@pytest.fixture
def bound(lib):
    """A connection between two sides of one implementation, both with the setting."""
    with lib.connect_thread(config=BOUND, remote_service=gates(lib), remote_config=BOUND) as conn:
        yield conn


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False), ("1", False)])
def test_the_environment_sets_the_default(impl, value, expected):
    require(impl)
    package = impls.package_name(impl)
    program = f"from {package}.core.protocol import DEFAULT_CONFIG as c; print(c['bind_threads'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "RPYC_BIND_THREADS": value},
        stdout=subprocess.PIPE,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout.strip() == str(expected)


def test_calls_and_nested_calls_work_with_the_setting_on_both_sides(bound):
    assert bound.root.add(1, 2) == 3
    assert bound.root.call(lambda: "called back") == "called back"
    assert bound.root.bounce(lambda back, depth: back(lambda *_: ("bottom",), depth - 1), 2) == (
        "bottom",
    )
    with pytest.raises(KeyError):
        bound.root.fail()


def test_a_callback_runs_in_the_thread_that_waits(bound):
    assert bound.root.call(threading.get_ident) == threading.get_ident()


# Two stock sides stop here every second time, each thread waiting for another to read.
@ours_only
def test_threads_share_a_bound_connection(bound):
    def body(index):
        return [bound.root.call(lambda n=n: (index, n)) for n in range(20)]

    workers = [Worker(body, index) for index in range(4)]
    for index, worker in enumerate(workers):
        assert worker.result() == [(index, n) for n in range(20)]


# -- over {ours, stock} x {client, server} ------------------------------------------------------


# Not between two stock sides: they stop now and then, each thread waiting for another to read.
@only(client="ours")
def test_a_bound_server_of_either_understands_us(connect):
    use(connect)


@only(client="stock", server="ours")
def test_we_understand_a_bound_client_of_stock(connect):
    use(connect)


def use(connect):
    conn = connect("gates:gates", config=BOUND, server_config=BOUND)
    root = conn.root
    assert root.add(1, 2) == 3
    assert root.call(lambda: "called back") == "called back"
    assert root.call(threading.get_ident) == threading.get_ident()
    assert root.bounce(lambda back, depth: back(lambda *_: ("bottom",), depth - 1), 3) == (
        "bottom",
    )
    with pytest.raises(KeyError):
        root.fail()
    result = conn.async_request(1, "data")
    assert result.value == "data"
    for _ in range(20):
        assert root.call(lambda: root.add(2, 2)) == 4
    conn.ping()


def test_a_bound_peer_closes_and_another_connects(connect):
    for _ in range(3):
        conn = connect("gates:gates", config=BOUND, server_config=BOUND)
        assert conn.root.add(1, 2) == 3
        conn.close()


@only(client="ours")
def test_threads_of_ours_share_a_bound_connection_to_either(connect):
    conn = connect("gates:gates", config=BOUND, server_config=BOUND)
    call, add = conn.root.call, conn.root.add

    def body(index):
        return [call(lambda n=n: add(index, n)) for n in range(20)]

    workers = [Worker(body, index) for index in range(4)]
    for index, worker in enumerate(workers):
        assert worker.result() == [index + n for n in range(20)]


@only(client="ours")
def test_each_thread_serves_what_belongs_to_its_own_calls(connect):
    """Callbacks, and callbacks inside of callbacks, of threads that share a connection."""
    conn = connect("gates:gates", config=BOUND, server_config=BOUND)
    call = conn.root.call
    everybody = threading.Barrier(4)

    def body():
        everybody.wait(20)
        deeper = lambda: (threading.get_ident(), call(threading.get_ident))  # noqa: E731
        return {ident for _ in range(30) for ident in call(deeper)}

    workers = [Worker(body) for _ in range(4)]
    for worker in workers:
        assert worker.result(25) == {worker.ident}


@only(client="ours")
def test_a_thread_serves_its_own_while_another_one_reads_all_the_time(connect, rpyc):
    conn = connect("gates:gates", config=BOUND, server_config=BOUND)
    call = conn.root.call
    reader = rpyc.BgServingThread(conn)
    try:
        assert {call(threading.get_ident) for _ in range(50)} == {threading.get_ident()}
    finally:
        reader.stop()


def test_what_is_asked_inside_of_a_call_is_served_by_its_thread(connect):
    conn = connect("gates:gates", config=BOUND, server_config=BOUND)
    root = conn.root

    def back():
        return root.thread_name(), root.call(root.thread_name), threading.get_ident()

    outer, nested, here = root.call(back)
    assert outer == nested
    assert here == threading.get_ident()


@only(client="ours")
def test_a_bound_client_of_a_server_that_is_not_learns_why_it_is_not_understood(connect):
    conn = connect("gates:gates", config=BOUND)
    with pytest.raises(EOFError, match="bind_threads must be set on both"):
        _ = conn.root
    assert conn.closed


@only(client="ours")
def test_a_client_of_a_bound_server_is_not_left_waiting(connect):
    conn = connect("gates:gates", server_config=BOUND)
    with pytest.raises(EOFError, match=r"without a word|bind_threads must be set on both"):
        _ = conn.root
    assert conn.closed


@ours_only
@pytest.mark.parametrize("bound", [True, False])
def test_a_message_of_a_peer_with_another_setting_says_so(lib, bound):
    """Here the other side speaks first."""
    with lib.connect_thread(
        config={"bind_threads": bound},
        remote_service=lib.VoidService,
        remote_config={"bind_threads": not bound},
    ) as conn:
        conn.async_request(1, "to be read by the other side")
        with pytest.raises(EOFError):
            conn.serve(5)
    here, there = socket.socketpair()
    speaking = lib.connect_stream(
        submodule(lib, "core.stream").SocketStream(there), config={"bind_threads": not bound}
    )
    reading = lib.connect_stream(
        submodule(lib, "core.stream").SocketStream(here), config={"bind_threads": bound}
    )
    speaking.async_request(1, "data")
    speaking.flush()
    with pytest.raises(EOFError, match="bind_threads must be set on both"):
        reading.serve(5)


@only(client="stock", server="ours")
def test_a_client_that_is_not_bound_is_an_error_to_itself_alone(serve, connect_to):
    server = serve("gates:gates", config=BOUND)
    fine = connect_to(server, config=BOUND)
    assert fine.root.add(1, 2) == 3
    conn = connect_to(server)
    with pytest.raises(EOFError):
        conn.ping()
    assert fine.root.add(2, 2) == 4
