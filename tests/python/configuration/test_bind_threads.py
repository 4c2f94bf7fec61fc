"""The key `bind_threads`: stock's has replies and nested requests stay in their thread, and another
format of the messages; ours is accepted, and changes nothing (docs/porting.md)."""

import os
import subprocess
import sys
import threading

import pytest

from harness import impls
from harness.combos import only, ours_only
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


@only(client="ours", server="stock")
def test_a_bound_server_of_stock_is_an_error(connect):
    """Its messages begin with thread numbers that we do not expect: the connection ends."""
    conn = connect("gates:gates", config=BOUND, server_config=BOUND)
    with pytest.raises(EOFError, match="message"):
        _ = conn.root
    assert conn.closed


@only(client="stock", server="ours")
def test_a_bound_client_of_stock_is_an_error_to_itself_alone(serve, connect_to):
    server = serve("gates:gates", config=BOUND)
    fine = connect_to(server)
    assert fine.root.add(1, 2) == 3
    conn = connect_to(server, config=BOUND)
    with pytest.raises(EOFError):
        conn.ping()
    assert fine.root.add(2, 2) == 4
