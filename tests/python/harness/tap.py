"""A TCP relay for one connection, which can let a message through up to its middle."""

import select
import socket
import struct
import threading


class Tap:
    """Forwards one connection that is made to `port`, until either side ends it.

    `hold_after("up", 100)` lets 100 more bytes through to the server (`"down"`: to the client) and
    swallows the rest; `held` is set when the first byte has been swallowed. When a side dies, the
    other is told by a FIN, or with `reset` by a RST, as happens where bytes were left unread.
    """

    def __init__(self, to_port, reset=False):
        self._to, self._reset = to_port, reset
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._budget = {}
        self.held = threading.Event()
        self._ending, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def hold_after(self, direction, count):
        self._budget[direction] = count

    def _run(self):
        if self._listener not in select.select([self._listener, self._ending], [], [])[0]:
            return
        client, _ = self._listener.accept()
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self._forward(client, server, "up", "down"):
                pass
            if self._reset:
                for sock in (client, server):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _forward(self, client, server, *directions):
        """Forward what has come; False once there is nothing more to forward."""
        readable, _, _ = select.select([client, server, self._ending], [], [])
        if self._ending in readable:
            return False
        pairs = zip((client, server), (server, client), directions, strict=True)
        try:
            for source, sink, direction in pairs:
                if source in readable and not self._pass_on(source, sink, direction):
                    return False
        except OSError:
            return False
        return True

    def _pass_on(self, source, sink, direction):
        data = source.recv(65536)
        budget = self._budget.get(direction)
        if budget is None:
            sink.sendall(data)
            return data != b""
        sink.sendall(data[:budget])
        self._budget[direction] = budget - len(data[:budget])
        if len(data) > budget:
            self.held.set()
        return data != b""

    def close(self):
        self._end.close()
        self._thread.join(10)
        self._ending.close()
        self._listener.close()
