"""The forking server: each client is served by a child process."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.combos import only, stock_bug
from harness.waiting import eventually

UNREAPED = stock_bug(
    "reaps in a signal handler, which waits for the main thread to wake up",
    server="stock",
    strict=False,
)


@pytest.fixture
def server(serve):
    return serve("forks:forks", server="ForkingServer", fresh=True)


def children(pid):
    """Return the children of a process, those that nobody has waited for included."""
    return [
        child
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_each_client_has_a_process_of_its_own(server, connect_to):
    conns = [connect_to(server) for _ in range(5)]
    pids = {conn.root.pid() for conn in conns}
    assert len(pids) == 5
    assert server.pid not in pids
    assert [conn.root.count() for conn in conns] == [1] * 5
    assert conns[0].root.count() == 2


def test_a_child_calls_its_client_back(server, connect_to):
    assert connect_to(server).root.call(lambda: 42) == 42


@UNREAPED
def test_a_child_ends_with_its_client(server, connect_to):
    conn = connect_to(server)
    conn.root.pid()
    assert len(children(server.pid)) == 1
    conn.close()
    eventually(lambda: children(server.pid) == [])


@UNREAPED
@pytest.mark.timeout(60)
def test_a_hundred_clients_leave_nothing_behind(server, connect_to):
    def come_and_go():
        conn = connect_to(server)
        conn.root.pid()  # or the server may not have accepted yet when this returns
        conn.close()

    come_and_go()
    eventually(lambda: children(server.pid) == [])
    before = descriptors(server.pid)
    for _ in range(100):
        come_and_go()
    eventually(lambda: children(server.pid) == [], timeout=20)  # a hundred processes end
    eventually(lambda: descriptors(server.pid) <= before)


def test_an_authenticator_is_asked_in_the_child(serve):
    server = serve("forks:forks", server="ForkingServer", authenticator="admission:password")
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        sock.sendall(b"wrong\n")
        assert sock.recv(1) == b""


@only(server="ours")
def test_ctrl_c_reaches_a_child_that_waits(server, connect_to, tmp_path):
    """The server accepts in a thread that is not its main one; in the child, that one is."""
    conn = connect_to(server)
    child, marker = conn.root.pid(), tmp_path / "interrupted"

    def interrupt():
        os.kill(child, signal.SIGINT)
        eventually(marker.exists)

    conn.root.call_until_interrupted(interrupt, str(marker))


@only(server="ours")
def test_more_clients_than_the_limit_are_refused(serve, connect_to):
    server = serve("forks:forks", server="ForkingServer", config={"max_connections": 2}, fresh=True)
    first, second = connect_to(server), connect_to(server)
    assert first.root.pid() != second.root.pid()
    with pytest.raises((EOFError, OSError)):
        connect_to(server).root.pid()
    first.close()
    eventually(lambda: len(children(server.pid)) == 1)
    assert connect_to(server).root.pid()


@only(server="ours", client="ours")
def test_a_client_that_says_nothing_is_closed(serve):
    server = serve(
        "forks:forks", server="ForkingServer", config={"first_frame_timeout": 0.2}, fresh=True
    )
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        assert sock.recv(1) == b""
    eventually(lambda: children(server.pid) == [])


# A program whose server forks: it has children, a handler and a connection of its own.
PROGRAM = """
import os, signal, subprocess, sys, threading
import sinew.rpyc as rpyc

ended = threading.Event()
signal.signal(signal.SIGCHLD, lambda *_: ended.set())
own = rpyc.classic.connect_thread()
assert own.eval("6 * 7") == 42

class Service(rpyc.Service):
    def exposed_use_what_is_the_parents(self):
        try:
            own.eval("1")
        except EOFError as error:
            return str(error)
    def exposed_new_one(self):
        with rpyc.classic.connect_thread() as fresh:
            return fresh.eval("6 * 7")

server = rpyc.ForkingServer(Service, hostname="localhost")

def client():
    with rpyc.connect("localhost", server.port) as conn:
        assert "parent" in conn.root.use_what_is_the_parents()
        assert conn.root.new_one() == 42
    assert own.eval("6 * 7") == 42
    assert subprocess.run(["sh", "-c", "exit 3"]).returncode == 3
    assert ended.wait(5)
    server.close()

print("written once", end="")
thread = threading.Thread(target=client)
server._listen()
thread.start()
server.start()
thread.join()
signal.raise_signal(signal.SIGCHLD)
own.close()
print("\\ndone")
"""


@only(server="ours", client="ours")
def test_what_is_the_programs_stays_the_programs(rpyc, combo):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("written once\ndone\n", 0), done.stderr
