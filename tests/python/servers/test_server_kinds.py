"""The kinds of servers, over the wire."""

import socket

import pytest

from harness.impls import submodule
from harness.waiting import Worker, eventually


@pytest.mark.parametrize("kind", ["ThreadedServer", "ThreadPoolServer"])
def test_a_server_serves_many_clients_at_once(serve, connect_to, kind):
    server = serve("admission:visitors", server=kind)
    conns = [connect_to(server) for _ in range(10)]
    assert [conn.root.add(n, 1) for n, conn in enumerate(conns)] == list(range(1, 11))


@pytest.mark.parametrize("kind", ["ThreadedServer", "ThreadPoolServer"])
def test_a_client_that_waits_does_not_hold_up_another(serve, connect_to, kind):
    server = serve("gates:gates", server=kind)
    first, second = connect_to(server), connect_to(server)
    worker = Worker(first.root.wait, f"kind-{kind}", 5)
    assert second.root.entered(f"kind-{kind}")
    assert second.root.add(1, 2) == 3
    second.root.open(f"kind-{kind}")
    assert worker.result() == 5


@pytest.mark.parametrize("kind", ["ThreadedServer", "ThreadPoolServer"])
def test_a_server_calls_its_clients_back(serve, connect_to, kind):
    conn = connect_to(serve("admission:visitors", server=kind))
    assert conn.root.call(lambda x: x * 2, 21) == 42


@pytest.mark.parametrize("kind", ["ThreadedServer", "ThreadPoolServer"])
def test_a_client_may_come_and_go_many_times(serve, connect_to, kind):
    server = serve("admission:visitors", server=kind)
    for n in range(30):
        conn = connect_to(server)
        assert conn.root.add(n, 1) == n + 1
        conn.close()


def test_a_pool_server_takes_its_sizes(serve, connect_to):
    server = serve(
        "admission:visitors",
        server="ThreadPoolServer",
        options={"nbThreads": 2, "requestBatchSize": 3},
    )
    conns = [connect_to(server) for _ in range(5)]
    for _ in range(5):
        assert [conn.root.add(n, 0) for n, conn in enumerate(conns)] == list(range(5))


def test_a_one_shot_server_serves_one_client_and_ends(serve, connect_to):
    server = serve("admission:visitors", server="OneShotServer", fresh=True)
    conn = connect_to(server)
    assert conn.root.add(1, 2) == 3
    conn.close()
    server.process.wait(10)
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", server.port), 2):
        pass


def test_a_server_on_a_unix_socket(serve, rpyc, client_config, tmp_path):
    path = tmp_path / "socket"
    serve("admission:visitors", fresh=True, socket_path=path)
    factory = submodule(rpyc, "utils.factory")
    with factory.unix_connect(str(path), config=client_config) as conn:
        assert conn.root.add(1, 2) == 3


def test_a_server_on_the_ipv6_loopback(serve, rpyc, client_config):
    server = serve("admission:visitors", fresh=True, options={"ipv6": True, "hostname": "::1"})
    with rpyc.connect("::1", server.port, ipv6=True, config=client_config) as conn:
        assert conn.root.add(1, 2) == 3


def test_the_server_knows_both_ends_of_each_connection(connect):
    conn = connect("admission:visitors")
    sock = conn._channel.stream.sock
    assert conn.root.endpoints() == (sock.getpeername(), sock.getsockname())
    assert conn.root.credentials() is None


def knock(rpyc, server, word, config):
    """Connect, say the word, and speak the protocol on the same socket."""
    sock = socket.create_connection(("127.0.0.1", server.port), 5)
    sock.sendall(word)
    sock.settimeout(None)
    return rpyc.connect_stream(submodule(rpyc, "core.stream").SocketStream(sock), config=config)


def test_an_authenticator_admits_and_its_credentials_are_kept(serve, rpyc, client_config):
    server = serve("admission:visitors", authenticator="admission:password")
    with knock(rpyc, server, b"open\n", client_config) as conn:
        assert conn.root.credentials() == "open"


def test_an_authenticator_refuses_and_others_are_still_served(serve, rpyc, client_config):
    server = serve("admission:visitors", authenticator="admission:password")
    with (
        knock(rpyc, server, b"wrong\n", client_config) as refused,
        pytest.raises((EOFError, OSError)),
    ):
        refused.root.add(1, 2)
    with knock(rpyc, server, b"open\n", client_config) as conn:
        assert conn.root.add(1, 2) == 3


def test_a_client_that_says_nothing_does_not_hold_up_the_door(serve, rpyc, client_config):
    server = serve("admission:visitors", authenticator="admission:password")
    with (
        socket.create_connection(("127.0.0.1", server.port), 5),
        knock(rpyc, server, b"open\n", client_config) as conn,
    ):
        assert conn.root.add(1, 2) == 3


def test_a_server_survives_clients_that_hang_up_at_once(serve, connect_to):
    server = serve("admission:visitors")
    for _ in range(20):
        socket.create_connection(("127.0.0.1", server.port), 5).close()
    eventually(lambda: connect_to(server).root.add(1, 1) == 2)
