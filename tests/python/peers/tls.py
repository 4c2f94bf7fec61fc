"""Authenticators that speak TLS, with the certificates of the run."""

from harness import certificates
from harness.impls import submodule


def _authenticator(rpyc, name, **options):
    made = certificates.in_environment()
    kind = submodule(rpyc, "utils.authenticators").SSLAuthenticator
    return kind(made.key(name), made.path(name), **options)


def anybody(rpyc):
    """Show a good certificate, ask for none."""
    return _authenticator(rpyc, "server")


def known(rpyc):
    """Show a good certificate, and serve who does the same."""
    return _authenticator(rpyc, "server", ca_certs=certificates.in_environment().path("authority"))


def expired(rpyc):
    return _authenticator(rpyc, "expired")


def elsewhere(rpyc):
    return _authenticator(rpyc, "elsewhere")


def stranger(rpyc):
    return _authenticator(rpyc, "stranger")


def revoked(rpyc):
    return _authenticator(rpyc, "revoked")


def self_signed(rpyc):
    return _authenticator(rpyc, "self-signed")


def visitors(rpyc):
    """Tell the client what the server knows about it."""

    class Visitors(rpyc.Service):
        def on_connect(self, conn):
            self.conn = conn

        def exposed_credentials(self):
            return repr(self.conn._config["credentials"])

        def exposed_socket(self):
            sock = self.conn._channel.stream.sock
            return sock.version(), sock.cipher()[0], repr(sock.getpeercert())

        def exposed_double(self, data):
            return data * 2

        def exposed_call(self, function, *args):
            return function(*args)

    return Visitors
