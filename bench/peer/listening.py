"""The server of the adapters that have none of their own: a thread for each connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable


def serve_in_threads(serve_one: Callable[[socket.socket], None]) -> int:
    """Call `serve_one(sock)` in a thread of its own for each client, for ever; return the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=_accept, args=(listener, serve_one), daemon=True).start()
    return listener.getsockname()[1]


def _accept(listener: socket.socket, serve_one: Callable[[socket.socket], None]) -> None:
    while True:
        sock = listener.accept()[0]
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve_one, args=(sock,), daemon=True).start()
