"""What the places to wait at (places.py) are made of."""

import contextlib
import socket
import threading

import sinew.rpyc as rpyc

FOR_EVER = 60
QUICK_END = {"close_timeout": 0.01}


class Kit:
    """What places are made of; everything is undone after each try."""

    def __init__(self, port, undo):
        self.port, self.undo = port, undo

    def connect(self, **config):
        """Return a connection to the gates."""
        conn = rpyc.connect("127.0.0.1", self.port, config={**QUICK_END, **config})
        conn._config["sync_request_timeout"] = None
        self.undo.callback(close, conn)
        return conn

    def silent_pair(self):
        ours, theirs = socket.socketpair()
        self.undo.callback(theirs.close)
        return ours, theirs

    def silent(self, said=b"", **config):
        """Return a connection to a peer that only ever says `said`."""
        ours, theirs = self.silent_pair()
        theirs.sendall(said)
        values = {"heartbeat": None, "sync_request_timeout": None, **QUICK_END, **config}
        conn = rpyc.connect_stream(rpyc.SocketStream(ours), config=values)
        self.undo.callback(close, conn)
        return conn

    def listener(self):
        """Return the port of a server that accepts, and says nothing."""
        sock = socket.create_server(("127.0.0.1", 0))
        self.undo.callback(sock.close)
        return sock.getsockname()[1]

    def black_hole(self):
        """Return a port at which connections do not come about: its queue is full."""
        sock = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.undo.callback(sock.close)
        while True:
            filler = socket.socket()
            self.undo.callback(filler.close)
            filler.settimeout(0.1)
            try:
                filler.connect(sock.getsockname())
            except TimeoutError:
                return sock.getsockname()[1]

    def thread(self, function, *args):
        threading.Thread(target=function, args=args, daemon=True).start()


def close(conn):
    with contextlib.suppress(Exception):
        conn.close()
