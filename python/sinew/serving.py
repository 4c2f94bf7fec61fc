"""Serving an object to whoever connects."""

import sys
from typing import Any

from sinew import address
from sinew.exposing import service_of
from sinew.rpyc.utils.authenticators import SSLAuthenticator
from sinew.rpyc.utils.server import ThreadedServer

Server = ThreadedServer

_TLS_OPTIONS = ("certfile", "keyfile", "cafile", "crlfile", "verify", "handshake_timeout")


def make_server(thing: Any, uri: str, **options: Any) -> ThreadedServer:
    """Return a server for `thing`, listening at `uri` once it is started.

    The options are those of `serve`.
    """
    place = address.parse(uri, default_port=0)
    of_tls = {name: options.pop(name) for name in _TLS_OPTIONS if name in options}
    if place.is_tls:
        if "authenticator" in options:
            raise ValueError("with tls:// the certificates are what clients are admitted by")
        options["authenticator"] = _tls_authenticator(**of_tls)
    elif of_tls:
        raise ValueError(f"{', '.join(of_tls)}: write tls:// instead of {uri!r}")
    if place.path:
        return Server(service_of(thing), socket_path=place.path, **options)
    return Server(
        service_of(thing), hostname=place.host, port=place.port, ipv6=place.is_ipv6, **options
    )


def _tls_authenticator(
    certfile: Any = None,
    keyfile: Any = None,
    cafile: Any = None,
    crlfile: Any = None,
    verify: bool | None = None,
    handshake_timeout: float = 10.0,
) -> SSLAuthenticator:
    if certfile is None:
        raise ValueError("a TLS server needs a certificate: certfile=..., keyfile=...")
    demands = cafile is not None if verify is None else verify
    authenticator = SSLAuthenticator(
        keyfile or certfile,
        certfile,
        ca_certs=cafile,
        cert_reqs=2 if demands else 0,
        crlfile=crlfile,
        handshake_timeout=handshake_timeout,
    )
    authenticator.load()  # what is wrong with the files is said now
    return authenticator


def serve(thing: Any, uri: str = "tcp://127.0.0.1:18861", **options: Any) -> None:
    """Serve an object until Ctrl-C.

    `thing` is an object with members marked by `@sinew.expose`, or a class of such: then each
    connection gets an instance of its own. A `rpyc.Service` will do, too. Only this machine can
    connect unless `uri` says otherwise. The options are those of `rpyc.ThreadedServer`.

    With `tls://host:port` it shows `certfile`, whose key is in `keyfile` (or in the same file).
    With `cafile` a client has to show a certificate that an authority in it has signed, unless
    `verify` is False, and has not revoked in `crlfile`. A client that has not done the handshake in
    `handshake_timeout` seconds (10) is refused. Nobody is served without TLS.
    """
    server = make_server(thing, uri, **options)
    sys.stderr.write(f"serving {thing!r} at {uri}, Ctrl-C ends\n")
    server.start()
