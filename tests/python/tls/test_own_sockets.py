"""Sockets that a program has put TLS on itself, with Python's ssl or with a wrapper of its own."""

import contextlib
import socket
import ssl

import pytest

import wire
from harness.combos import only
from harness.waiting import Stopwatch, Worker

KINDS = ("ThreadedServer", "ThreadPoolServer")


class Wrapper:
    """A socket in a socket: what is not said here is said by the one inside."""

    def __init__(self, sock):
        self._sock = sock

    def __getattr__(self, name):
        return getattr(self._sock, name)


@pytest.fixture(params=[False, True], ids=["plain", "wrapped"])
def wrapped(request):
    return Wrapper if request.param else lambda sock: sock


@pytest.fixture
def own_authenticator(made, wrapped):
    """An authenticator as programs write it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.path("server"), made.key("server"))

    def authenticate(sock):
        secure = context.wrap_socket(sock, server_side=True)
        return wrapped(secure), secure.cipher()

    return authenticate


@pytest.fixture
def ssl_socket(made):
    """A function that connects a socket with TLS."""
    context = ssl.create_default_context(cafile=made.path("authority"))
    with contextlib.ExitStack() as opened:

        def connect(port):
            sock = socket.create_connection(("localhost", port), 5)
            sock.settimeout(5)
            return opened.enter_context(context.wrap_socket(sock, server_hostname="localhost"))

        yield connect


@pytest.fixture
def doubling(ours):
    class Doubling(ours.Service):
        def exposed_double(self, data):
            return data * 2

        def exposed_call(self, function, *args):
            return function(*args)

    return Doubling


def use(conn):
    """Small and large calls, callbacks, and both directions at once."""
    assert conn.root.double("ab") == "abab"
    assert conn.root.call(lambda x: conn.root.double(x) + "!", "ab") == "abab!"
    data = bytes(range(256)) * 4096
    workers = [Worker(lambda: conn.root.double(data) == data * 2) for _ in range(4)]
    assert all(worker.result() for worker in workers)


@pytest.mark.parametrize("kind", KINDS)
def test_an_authenticator_that_returns_an_ssl_socket(
    local, doubling, own_authenticator, ours, made, kind
):
    server = local(own_authenticator, kind, doubling)
    conn = ours.ssl_connect("localhost", server.port, ca_certs=made.path("authority"))
    with contextlib.closing(conn):
        use(conn)


@pytest.mark.parametrize("kind", KINDS)
def test_two_requests_in_one_record_are_both_answered(
    local, doubling, own_authenticator, ssl_socket, kind
):
    server = local(own_authenticator, kind, doubling)
    sock = ssl_socket(server.port)
    raw = wire.Raw(sock)
    watch = Stopwatch()
    raw.send(b"".join(wire.request(n, wire.PING, wire.boxed("x")) for n in (1, 2, 3)))
    assert [raw.reply() for _ in range(3)] == [(wire.REPLY, n, wire.boxed("x")) for n in (1, 2, 3)]
    assert watch.seconds < 2


@only(server="stock")
def test_a_stream_over_an_ssl_socket(made, rpyc, serve, ssl_socket, wrapped, client_config):
    server = serve("tls:visitors", authenticator="tls:anybody")
    stream = rpyc.SocketStream(wrapped(ssl_socket(server.port)))
    conn = rpyc.connect_stream(stream, config=client_config)
    assert conn.root.double("ab") == "abab"
    data = bytes(range(256)) * 4096
    assert conn.root.double(data) == data * 2
    conn.close()


def test_a_thread_that_waits_holds_up_nobody(local, doubling, authenticator, ours, ssl_socket):
    """Neither those who write over the same socket, nor those who compute."""
    server = local(authenticator(), service=doubling)
    conn = ours.connect_stream(ours.SocketStream(ssl_socket(server.port)))
    waiter = Worker(lambda: conn.serve(2))
    watch = Stopwatch()
    for _ in range(20):
        assert conn.root.double("ab") == "abab"
    assert watch.seconds < 1.5
    waiter.result()
    conn.close()


def test_who_closes_ends_a_wait_in_another_thread(local, doubling, authenticator, ours, ssl_socket):
    server = local(authenticator(), service=doubling)
    conn = ours.connect_stream(ours.SocketStream(ssl_socket(server.port)))
    assert conn.root.double("ab") == "abab"
    waiter = Worker(conn.serve_all)
    conn.close()
    waiter.result(5)
