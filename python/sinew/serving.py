"""Serving an object to whoever connects."""

import sys
from typing import Any

from sinew import address
from sinew.exposing import service_of
from sinew.rpyc.core.config import refuse_misspelt
from sinew.rpyc.utils.authenticators import SSLAuthenticator
from sinew.rpyc.utils.server import ThreadedServer

Server = ThreadedServer

_TLS_OPTIONS = ("certfile", "keyfile", "cafile", "crlfile", "verify", "handshake_timeout")


def make_server(thing: Any, uri: str, **options: Any) -> ThreadedServer:
    """Return a server for `thing`, listening at `uri` once it is started.

    Without a port there it chooses a free one: `address_of` tells. The options are those of
    `serve`. OSError that names the address if nobody can listen there.
    """
    refuse_misspelt(options.get("protocol_config") or ())
    place = address.parse(uri, default_port=0)
    of_tls = {name: options.pop(name) for name in _TLS_OPTIONS if name in options}
    if place.is_tls:
        if "authenticator" in options:
            raise ValueError("with tls:// the certificates are what clients are admitted by")
        options["authenticator"] = _tls_authenticator(**of_tls)
    elif of_tls:
        raise ValueError(f"{', '.join(of_tls)}: write tls:// instead of {uri!r}")
    where = {"socket_path": place.path} if place.path else _tcp(place)
    service = service_of(thing)
    try:
        return Server(service, **where, **options)
    except OSError as error:
        raise type(error)(error.errno, f"cannot listen at {uri}: {error.strerror}") from None


def _tcp(place: address.Address) -> dict[str, Any]:
    return {"hostname": place.host, "port": place.port, "ipv6": place.is_ipv6}


def address_of(server: ThreadedServer) -> address.Address:
    """Return where a server listens, the port that it chose included."""
    if isinstance(server.port, str):
        return address.Address(path=server.port)
    is_tls = isinstance(server.authenticator, SSLAuthenticator)
    return address.Address(host=server.host, port=server.port, is_tls=is_tls)


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
    connect unless `uri` says otherwise; without a port there a free one is chosen and printed. The
    options are those of `rpyc.ThreadedServer`. OSError that names the address if nobody can listen
    there.

    Calls of each client run on a thread of its own; with `dispatcher`, one of `sinew.dispatch`, all
    run where that says.

    With `tls://host:port` it shows `certfile`, whose key is in `keyfile` (or in the same file).
    With `cafile` a client has to show a certificate that an authority in it has signed, unless
    `verify` is False, and has not revoked in `crlfile`. A client that has not done the handshake in
    `handshake_timeout` seconds (10) is refused. Nobody is served without TLS.
    """
    server = make_server(thing, uri, **options)
    server._listen()  # whoever reads the address may connect at once
    sys.stderr.write(f"serving {thing!r} at {address_of(server)}, Ctrl-C ends\n")
    server.start()
