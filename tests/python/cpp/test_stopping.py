"""A C++ function learns that nobody waits for it any more."""

import inspect
import os
import socket
import subprocess
import sys
import threading

import pytest
import sinew

from harness import impls
from harness.combos import ours_only
from harness.waiting import eventually

WAITING = ("wait_for_stop", "poll_for_stop")


@pytest.fixture
def stopped(connect):
    """A function that tells how many functions have ended because they were stopped."""
    root = connect().root
    assert root.stopped() == 0
    return root.stopped


@ours_only
@pytest.mark.parametrize("name", WAITING)
def test_a_deadline_stops_the_work(root, stopped, name):
    assert root.time_left() is None
    with pytest.raises(TimeoutError), sinew.deadline(0.3):
        getattr(root, name)()
    eventually(lambda: stopped() == 1, 10)


@ours_only
def test_a_deadline_can_be_asked_for(root):
    root.living()
    with sinew.deadline(60):
        assert 0 < root.time_left() <= 60
    assert root.time_left() is None


@ours_only
@pytest.mark.parametrize("name", WAITING)
def test_a_cancelled_call_stops(root, stopped, name):
    root.living()  # the extensions are agreed on
    call = sinew.async_(getattr(root, name))()
    call.cancel()
    eventually(lambda: stopped() == 1, 10)


@ours_only
def test_a_call_that_waits_for_the_client_is_left(root, stopped):
    root.living()
    inside, go_on = threading.Event(), threading.Event()

    def wait():
        inside.set()
        go_on.wait(20)

    call = sinew.async_(root.call_until_stopped)(wait)
    thread = threading.Thread(target=lambda: root.____conn__.serve(20))
    thread.start()
    assert inside.wait(20)
    call.cancel()
    eventually(lambda: stopped() == 1, 10)
    go_on.set()
    thread.join(20)


@pytest.mark.parametrize("name", WAITING)
def test_the_end_of_the_connection_stops_the_work(connect, lib, stopped, name):
    conn = connect()
    conn.root.living()
    call = lib.async_(getattr(conn.root, name))()
    with socket.socket(fileno=os.dup(conn.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)  # no farewell: that would wait for the work
    assert call is not None
    eventually(lambda: stopped() == 1, 10)


KILLED = """
import time
import {package} as rpyc
root = rpyc.connect("127.0.0.1", {port}).root
kept = [root.made(number) for number in range(100)]
root.call_until_stopped(lambda: (print("inside", flush=True), time.sleep(60)))  # lint: workload
"""


def test_a_client_that_is_killed_inside_a_call_leaves_nothing(root, lib, server):
    before = root.living()
    program = KILLED.format(package=lib.__name__, port=server.port)
    path = os.pathsep.join([*impls.extra_path(), os.environ.get("PYTHONPATH", "")])
    client = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert client.stdout.readline() == b"inside\n"
    assert root.living() > before
    client.kill()
    client.wait(20)
    client.stdout.close()
    eventually(lambda: root.living() == before, 20)
    assert root.add(1, 2) == 3


def test_the_end_of_the_server_stops_the_work(connect, lib, server):
    conn = connect()
    conn.root.living()
    lib.async_(conn.root.wait_for_stop)()
    assert server.end() == "living 0"


def test_clients_do_not_see_the_token(root):
    assert str(inspect.signature(root.named_stop)) == "(a, b)"
    assert root.named_stop(5, b=3) == 2
    with pytest.raises(TypeError, match="takes 2 arguments but 3 were given"):
        root.named_stop(1, 2, 3)
    with pytest.raises(TypeError, match="argument 'b': 'x'"):
        root.named_stop(1, "x")
