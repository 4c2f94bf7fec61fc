"""The pooled server: many clients, few threads, and silence holds nobody up."""

import resource
import socket
from pathlib import Path

import pytest

from harness.combos import only
from harness.waiting import Worker, eventually

pytestmark = only(client="ours", server="ours")


def threads(server):
    """Return the number of threads of the server's process."""
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


@pytest.fixture
def many_descriptors():
    """Allow this process and the servers it starts as many descriptors as the system does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("the system allows too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_a_thousand_idle_clients_cost_no_threads(serve, connect_to):
    server = serve("admission:visitors", server="ThreadPoolServer", fresh=True)
    conn = connect_to(server)
    assert conn.root.add(1, 1) == 2
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(1000)]
    try:
        assert conn.root.add(2, 2) == 4
        # The main thread, the one that accepts, the one that waits; the engine's own and that of a
        # sanitizer may join them.
        eventually(lambda: threads(server) <= 8, timeout=10)
    finally:
        for sock in idle:
            sock.close()
    assert conn.root.add(3, 3) == 6


def test_as_many_requests_run_at_once_as_there_are_threads(serve, connect_to):
    server = serve("gates:gates", server="ThreadPoolServer", options={"nbThreads": 3}, fresh=True)
    conns = [connect_to(server) for _ in range(5)]
    names = [f"gate{n}" for n in range(2)]
    workers = [Worker(conn.root.wait, name, 1) for conn, name in zip(conns, names, strict=False)]
    watcher = conns[-1]
    for name in names:
        assert watcher.root.entered(name)
    assert [conn.root.add(n, 1) for n, conn in enumerate(conns[2:])] == [1, 2, 3]
    for name in names:
        watcher.root.open(name)
    assert [worker.result() for worker in workers] == [1, 1]


def test_a_client_that_dies_in_the_middle_of_a_frame_is_let_go(serve, connect_to):
    server = serve("admission:visitors", server="ThreadPoolServer", fresh=True)
    conn = connect_to(server)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(b"\x00\x00\x10\x00\x00half")
    assert conn.root.add(1, 2) == 3


def test_a_callback_into_a_client_of_the_pool(serve, connect_to):
    server = serve("admission:visitors", server="ThreadPoolServer", options={"nbThreads": 1})
    conn = connect_to(server)
    assert conn.root.call(lambda x: conn.root.add(x, 1), 41) == 42
