"""Authenticators decide whom a server serves.

An authenticator is a callable that takes the accepted socket and returns
`(socket to speak over, credentials)`, or raises AuthenticationError. The credentials are found in
the configuration of the connection.
"""

from sinew.rpyc import _lazy

__getattr__, __dir__ = _lazy.lazily(__name__, {}, {"SSLAuthenticator": _lazy.TLS})


class AuthenticationError(Exception):
    """Raised by an authenticator that refuses a client."""

    __module__ = "rpyc.utils.authenticators"
