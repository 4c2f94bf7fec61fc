"""The limit of any client of a stock server: a C loop that sends the same frame again and again."""

from __future__ import annotations

import importlib
import socket

import _floor


class Client:
    """Connects with stock, then uses the socket alone. `package` is stock."""

    def __init__(self, package: str, ports: dict[str, int]):
        rpyc = importlib.import_module(package)
        consts = importlib.import_module(f"{package}.core.consts")
        self._brine = importlib.import_module(f"{package}.core.brine")
        conn = rpyc.connect("127.0.0.1", ports["bench"])
        root, foo, thing = conn.root, conn.root.foo, conn.root.thing()
        conn.ping()  # afterwards no answer is under way
        self._socket = conn._channel.stream.sock
        self._kept = [conn, root, foo, thing]
        self._socket.setblocking(True)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._frames = {
            "root_call": self._frame(conn, consts.HANDLE_CALLATTR, root, "foo", (1,), ()),
            "hoisted_call": self._frame(conn, consts.HANDLE_CALL, foo, (1,), ()),
            "attribute": self._frame(conn, consts.HANDLE_GETATTR, thing, "attr"),
        }

    def _frame(self, conn, handler: int, *args) -> bytes:
        payload = b"\x01" + self._brine.dump((1000, (handler, conn._box(args))))
        return len(payload).to_bytes(4, "big") + b"\0" + payload + b"\n"

    def root_call(self, count):
        return self._loop("root_call", count)

    def hoisted_call(self, count):
        return self._loop("hoisted_call", count)

    def attribute(self, count):
        return self._loop("attribute", count)

    def _loop(self, what, count):
        frame = self._frames[what]
        self._socket.sendall(frame)
        size = 6 + int.from_bytes(self._socket.recv(4, socket.MSG_PEEK | socket.MSG_WAITALL), "big")
        reply = self._socket.recv(size, socket.MSG_WAITALL)
        if reply[5] != 2:
            raise AssertionError(f"not the reply that was expected: {reply!r}")
        return _floor.ping(self._socket.fileno(), frame, size, count) / count
