"""Streams over what is no socket but behaves like one: a channel of paramiko, for one."""

import socket

import pytest

from harness.impls import submodule


class Duck:
    """Has what a channel of paramiko and a socket share, and takes few bytes at once."""

    def __init__(self, sock):
        self._sock = sock

    def recv(self, count):
        return self._sock.recv(min(count, 1000))

    def send(self, data):
        return self._sock.send(bytes(data[:1000]))

    def fileno(self):
        return self._sock.fileno()

    def close(self):
        self._sock.close()


@pytest.fixture
def conn(serve, rpyc, client_config):
    server = serve("values:values")
    sock = socket.create_connection(("127.0.0.1", server.port), 5)
    sock.settimeout(None)
    stream = submodule(rpyc, "core.stream").SocketStream(Duck(sock))
    with rpyc.connect_stream(stream, config=client_config) as conn:
        yield conn


def test_calls_work(conn):
    assert conn.root.back(5) == ("int", 5)
    assert conn.root.call(lambda x: x * 2, 21) == 42


def test_much_data_goes_in_pieces(conn):
    data = b"0123456789" * 10_000
    assert conn.root.back(data) == ("bytes", data)


def test_closing_closes_it(conn):
    duck = conn._channel.stream.sock
    conn.close()
    assert duck.fileno() == -1
    assert conn.closed


def test_the_end_of_the_other_side_is_told(serve, rpyc, client_config):
    left, right = socket.socketpair()
    stream = submodule(rpyc, "core.stream").SocketStream(Duck(left))
    conn = rpyc.connect_stream(stream, config=client_config)
    right.close()
    with pytest.raises(EOFError):
        conn.root  # noqa: B018
