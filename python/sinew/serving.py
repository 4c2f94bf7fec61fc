"""Serving an object to whoever connects."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from sinew import address, binding
from sinew.exposing import service_of
from sinew.rpyc.core.config import CAUTIOUS, refuse_misspelt
from sinew.rpyc.utils.authenticators import SSLAuthenticator
from sinew.rpyc.utils.patient import PatientServer
from sinew.rpyc.utils.server import ThreadedServer


class Server(PatientServer):
    """What `start_server` returns: a server, which can be used as a context manager.

    threads: any.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)  # type: ignore[no-untyped-call]
        self._serving = 0
        self._served = threading.Condition()

    def _serve_client(self, sock: Any, credentials: Any) -> None:
        with self._served:
            self._serving += 1
        try:
            super()._serve_client(sock, credentials)  # type: ignore[no-untyped-call]
        finally:
            with self._served:
                self._serving -= 1
                self._served.notify_all()

    def start_and_settle(self) -> None:
        """Serve as `start()` does; let the ends of connections be told before the program ends."""
        try:
            self.start()
        finally:
            with self._served:
                self._served.wait_for(lambda: not self._serving, _FAREWELL)

    @property
    def address(self) -> str:
        """What clients connect to, with the port that was chosen: "tcp://127.0.0.1:40123"."""
        return str(address_of(self))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"at {self.address}"
        return f"<sinew.Server of {self.service.get_service_name()} {state}>"


_FAREWELL = 0.15  # seconds: Ctrl-C is to be quick

_TLS_OPTIONS = ("certfile", "keyfile", "cafile", "crlfile", "verify", "handshake_timeout")


def make_server(thing: Any, uri: str, **options: Any) -> Server:
    """Return a server for `thing`, listening at `uri` once it is started.

    Without a port there it chooses a free one: `address_of` tells. The options are those of
    `serve`. OSError that names the address if nobody can listen there.
    """
    refuse_misspelt(options.get("protocol_config") or ())
    config = options.get("protocol_config") or {}
    options["patience"] = config.get("first_frame_timeout")
    options["protocol_config"] = {**CAUTIOUS, **config}
    place = address.parse(uri, default_port=0)
    if place.is_ssh:
        raise ValueError("ssh:// is for connecting: serve at tcp://127.0.0.1 and let ssh forward")
    of_tls = {name: options.pop(name) for name in _TLS_OPTIONS if name in options}
    if place.is_tls:
        if "authenticator" in options:
            raise ValueError("with tls:// the certificates are what clients are admitted by")
        options["authenticator"] = _tls_authenticator(**of_tls)
    elif of_tls and not _is_for_token(of_tls, options):
        raise ValueError(f"{', '.join(of_tls)}: write tls:// instead of {uri!r}")
    _demand_token(options, of_tls)
    if options.get("authenticator") is None:
        # Who is silent costs next to nothing; who has begun has a thread, and is to go on.
        options["protocol_config"].setdefault("first_frame_timeout", 10.0)
    where = {"socket_path": place.path} if place.path else _tcp(place)
    insecure = options.pop("insecure", False)
    service = service_of(thing)
    try:
        server = Server(service, **where, **options)
    except OSError as error:
        raise type(error)(error.errno, f"cannot listen at {uri}: {error.strerror}") from None
    except TypeError as error:
        raise _with_hint(error, options) from None
    if not insecure:
        binding.refuse_open(server, _REMEDY)
    server._may_be_open = insecure
    return server


# What `Server` takes of the options that are named here; where it listens stands in the URI.
_NAMED = (
    *("backlog", "reuse_addr", "listener_timeout", "authenticator", "registrar", "auto_register"),
    *("protocol_config", "logger", "dispatcher"),
)


def _with_hint(error: TypeError, options: dict[str, Any]) -> TypeError:
    """Return the error about an option that does not exist, with the one that may be meant."""
    known = {*_NAMED, *_TLS_OPTIONS, "token", "insecure"}
    unknown = [name for name in options if name not in known]
    if not unknown:
        return error
    from difflib import get_close_matches  # noqa: PLC0415 - rarely wanted

    near = get_close_matches(unknown[0], known, 1)
    meant = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(known))}"
    return TypeError(f"there is no option {unknown[0]!r}: {meant}")


_REMEDY = (
    "add token=pathlib.Path('FILE') with a token that clients know, or tls:// with certfile=..., "
    "keyfile=... and cafile=... for clients with certificates, or insecure=True if that is meant"
)


def _is_for_token(of_tls: dict[str, Any], options: dict[str, Any]) -> bool:
    return set(of_tls) == {"handshake_timeout"} and options.get("token") not in (None, False)


def _demand_token(options: dict[str, Any], of_tls: dict[str, Any]) -> None:
    """Put the authenticator for the token, if there is one, over the others."""
    token = options.pop("token", None)
    if token is None and not ("SINEW_TOKEN" in os.environ or "SINEW_TOKEN_FILE" in os.environ):
        return
    from sinew import tokens  # noqa: PLC0415 - only who uses it pays for it

    key = tokens.find(token)
    if key is not None:
        limit = of_tls.get("handshake_timeout", tokens.HANDSHAKE_TIMEOUT)
        options["authenticator"] = tokens.TokenAuthenticator(
            key, over=options.get("authenticator"), handshake_timeout=limit
        )


def _tcp(place: address.Address) -> dict[str, Any]:
    return {"hostname": place.host, "port": place.port, "ipv6": place.is_ipv6}


def address_of(server: ThreadedServer) -> address.Address:
    """Return where a server listens, the port that it chose included."""
    if isinstance(server.port, str):
        return address.Address(path=server.port)
    first = getattr(server.authenticator, "over", None) or server.authenticator
    is_tls = isinstance(first, SSLAuthenticator)
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
    connection gets an instance of its own. Its `on_connect(conn)` and `on_disconnect(conn)`, if it
    has them, are told who comes and goes. A `rpyc.Service` will do, too. Only this machine can
    connect unless `uri` says otherwise; without a port there a free one is chosen and printed. The
    options are those of `rpyc.ThreadedServer`. OSError that names the address if nobody can listen
    there.

    A client may be silent for as long as it likes, if it need not show who it is; the first message
    that it begins is to be there within 10 seconds, and later ones have to make progress within 30.
    `first_frame_timeout` and `frame_timeout` in `protocol_config` change that, None lifts it; a
    `first_frame_timeout` that is given there holds for silence, too.

    With `token` only clients that know it are served: a str of 16 bytes or more, or the path of a
    file that only its owner may read. By default it is what `SINEW_TOKEN` or `SINEW_TOKEN_FILE` in
    the environment says; False means none. The token itself never travels, but what is said then
    does, in clear, unless TLS hides it.

    An address that other machines can reach needs one of the two, a token or a `cafile`: else
    PermissionError, unless `insecure` says that whoever connects is to be served.

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
    server.start_and_settle()


def start_server(thing: Any, uri: str = "tcp://127.0.0.1:18861", **options: Any) -> Server:
    """Serve an object from a thread of its own; return the server as soon as clients can connect.

        with sinew.start_server(Scope(), "tcp://127.0.0.1") as server:
            print(server.address)

    The arguments and errors are those of `serve`. `close()`, or the end of the `with`, ends the
    server and its connections; the end of the program does, too, for its threads are daemons.
    """
    server = make_server(thing, uri, **options)
    server._start_in_thread()
    return server
