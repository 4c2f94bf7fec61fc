"""The adapter of the floor: raw sockets and the least engine, both in C (`floor/`)."""

from __future__ import annotations

import os
import socket
import struct
from time import perf_counter

import _floor
from listening import serve_in_threads

_HELLO = struct.Struct("<cQ")  # what the connection is for, and the size of its messages
_IN_FLIGHT = 64
_PING_SIZE = 64
_ECHO_SIZE = 64 * 1024
_BIG_SIZE = 80_000_000
_MIB = 1024 * 1024
_CHUNK = 1000


class Root:
    """What the engine of the server calls."""

    def __init__(self, descriptor: int):
        self.attr_ = 5
        self._link = _floor.Link(descriptor, self)

    def serve(self):
        self._link.serve()

    def foo(self, value):
        return value

    def repeat(self, count):
        note = self._link.note
        for number in range(count):
            note(number)

    def numbers(self, start, end):
        return tuple(range(start, end))


class Notes:
    """What the engine of the client is called for."""

    def note(self, number):
        return None


def serve(package: str, kind: str) -> dict[str, int]:
    """Serve in threads; return the port. Both arguments are of other adapters."""
    return {"bench": serve_in_threads(_serve_one)}


def _serve_one(sock):
    mode, size = _HELLO.unpack(sock.recv(_HELLO.size, socket.MSG_WAITALL))
    descriptor = sock.fileno()
    if mode == b"e":
        _floor.echo(descriptor, size)
    elif mode == b"l":
        Root(descriptor).serve()
    elif mode == b"s":
        while sock.recv(1, socket.MSG_PEEK):
            _floor.pull(descriptor, size)
            _floor.push(descriptor, b"k")
    sock.close()


class Client:
    """Connections for each purpose, made when they are first needed."""

    def __init__(self, package: str, ports: dict[str, int]):
        self._port = ports["bench"]
        self._open = {}
        self._link = _floor.Link(self._connection(b"l", 0), Notes())

    def _connection(self, mode: bytes, size: int) -> int:
        sock = self._open.get((mode, size))
        if sock is None:
            sock = self._open[mode, size] = socket.create_connection(("127.0.0.1", self._port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(_HELLO.pack(mode, size))
        return sock.fileno()

    def ping(self, count):
        descriptor = self._connection(b"e", _PING_SIZE)
        return _floor.ping(descriptor, bytes(_PING_SIZE), _PING_SIZE, count) / count

    def root_call(self, count):
        link = self._link
        start = perf_counter()
        for _ in range(count):
            link.foo(1)
        return (perf_counter() - start) / count

    def hoisted_call(self, count):
        foo = self._link.foo
        start = perf_counter()
        for _ in range(count):
            foo(1)
        return (perf_counter() - start) / count

    def attribute(self, count):
        link = self._link
        start = perf_counter()
        for _ in range(count):
            link.attr_  # noqa: B018 - the access is what is measured
        return (perf_counter() - start) / count

    def callback(self, count):
        start = perf_counter()
        self._link.repeat(count)
        return (perf_counter() - start) / count

    def in_flight(self, count):
        """Keep 64 calls under way; the engine refills by half so that requests share a write."""
        link, post, half = self._link, self._link.foo.post, _IN_FLIGHT // 2
        start = perf_counter()
        for _ in range(_IN_FLIGHT):
            post(1)
        for _ in range(count // half - 2):
            for _ in range(half):
                link.receive()
            for _ in range(half):
                post(1)
        for _ in range(_IN_FLIGHT):
            link.receive()
        return (perf_counter() - start) / (count // half * half)

    def iterate(self, count):
        numbers, total = self._link.numbers, 0
        start = perf_counter()
        for first in range(0, count, _CHUNK):
            for number in numbers(first, first + _CHUNK):
                total += number
        return perf_counter() - start

    def echo(self, count):
        descriptor, data = self._connection(b"e", _ECHO_SIZE), os.urandom(_ECHO_SIZE)
        start = perf_counter()
        for _ in range(count):
            _floor.push(descriptor, data)
            _floor.pull(descriptor, _ECHO_SIZE)
        return (perf_counter() - start) / count

    def big_argument(self, count):
        return self._seconds_to_send(_BIG_SIZE, count) / count

    def download(self, count):
        return count / self._seconds_to_send(count * _MIB, 1)

    def _seconds_to_send(self, size, count):
        descriptor, data = self._connection(b"s", size), os.urandom(size // 8) * 8
        start = perf_counter()
        for _ in range(count):
            _floor.push(descriptor, data)
            _floor.pull(descriptor, 1)
        return perf_counter() - start
