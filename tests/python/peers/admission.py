"""Authenticators: what a server asks of a socket before it serves it."""

from harness.impls import submodule


def password(rpyc):
    """Admit who sends the word `open` and a newline; the credentials are the word."""
    refusal = submodule(rpyc, "utils.authenticators").AuthenticationError

    def authenticate(sock):
        word = b""
        while not word.endswith(b"\n"):
            piece = sock.recv(1)
            if not piece:
                raise refusal("no word")
            word += piece
        if word != b"open\n":
            raise refusal("wrong word")
        return sock, word.decode().strip()

    return authenticate


def visitors(rpyc):
    """Tell the client what the server knows about it."""

    class Visitors(rpyc.Service):
        def on_connect(self, conn):
            self.conn = conn

        def exposed_credentials(self):
            return self.conn._config["credentials"]

        def exposed_endpoints(self):
            here, there = self.conn._config["endpoints"]
            return here, there

        def exposed_connid(self):
            return self.conn._config["connid"]

        def exposed_add(self, a, b):
            return a + b

        def exposed_call(self, function, *args):
            return function(*args)

    return Visitors
