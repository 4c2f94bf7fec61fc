"""Authenticators decide whom a server serves.

An authenticator is a callable that takes the accepted socket and returns
`(socket to speak over, credentials)`, or raises AuthenticationError. The credentials are found in
the configuration of the connection.
"""

import os


class AuthenticationError(Exception):
    """Raised by an authenticator that refuses a client."""

    __module__ = "rpyc.utils.authenticators"


class SSLAuthenticator:
    """Speaks TLS with clients; with `ca_certs` they have to show a certificate, too.

    `cert_reqs` (`ssl.CERT_OPTIONAL` and its like) overrides that. The credentials are the client's
    certificate as `ssl.SSLSocket.getpeercert()` describes it, or None. A client that has not done
    its part of the handshake within `handshake_timeout` seconds is refused. The files are read
    again when they change; `crlfile` lists the certificates that have been revoked.
    """

    __module__ = "rpyc.utils.authenticators"

    def __init__(
        self,
        keyfile,
        certfile,
        ca_certs=None,
        cert_reqs=None,
        ssl_version=None,
        ciphers=None,
        *,
        handshake_timeout=10.0,
        crlfile=None,
    ):
        self.keyfile = str(keyfile)
        self.certfile = str(certfile)
        self.ca_certs = str(ca_certs) if ca_certs else None
        self.cert_reqs = (2 if ca_certs else 0) if cert_reqs is None else cert_reqs
        self.ssl_version = ssl_version
        self.ciphers = ciphers
        self.handshake_timeout = handshake_timeout
        self.crlfile = str(crlfile) if crlfile else None
        self._made = (None, None)  # (what it was made of, the context)

    def __call__(self, sock):
        from sinew import tls  # noqa: PLC0415 - only who uses it pays for it

        context = self.load()
        try:
            secure = tls.wrap(
                sock,
                context,
                timeout=self.handshake_timeout,
                verifies=self.cert_reqs != tls.NOTHING,
            )
        except OSError as error:
            raise AuthenticationError(str(error)) from error
        return secure, secure.getpeercert()

    def load(self):
        """Return the context for the files as they are now; OSError with what is wrong with one."""
        from sinew import tls  # noqa: PLC0415

        files = (self.certfile, self.keyfile, self.ca_certs, self.crlfile)
        state = [_state(file) for file in files]
        made_of = (*files, *state, self.cert_reqs, self.ssl_version, self.ciphers)
        if self._made[0] != made_of:
            context = tls.make_context(
                serves=True,
                certfile=self.certfile,
                keyfile=self.keyfile,
                cafile=self.ca_certs,
                crlfile=self.crlfile,
                verify=self.cert_reqs,
                ssl_version=self.ssl_version,
                ciphers=self.ciphers,
            )
            self._made = (made_of, context)
        return self._made[1]


def _state(file):
    """Return what changes when a file is written again."""
    try:
        found = os.stat(file) if file else None
    except OSError:
        return None
    return found and (found.st_mtime_ns, found.st_size, found.st_ino)
