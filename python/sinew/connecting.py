"""Connecting to a server, Sinew's or RPyC's."""

from __future__ import annotations

import os
from functools import partial

from sinew import address
from sinew.rpyc.core.channel import Channel
from sinew.rpyc.core.config import refuse_misspelt
from sinew.rpyc.core.protocol import Connection as _Connection
from sinew.rpyc.core.service import ModuleNamespace, VoidService
from sinew.rpyc.core.stream import SocketStream

TYPE_CHECKING = False  # importing typing, even to ask it this, takes 4 ms
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Connection(_Connection):
    """A connection to a peer, which may be a classic server.

    `root` is what the peer offers. Of a classic server, which offers its whole interpreter, it
    also has `modules`, `builtins`, `eval`, `execute` and `namespace`; using them with another
    server is an AttributeError.
    """

    @property
    def modules(self) -> Any:
        """The peer's modules: `conn.modules.os`, `conn.modules["xml.dom"]`."""
        if self._modules is None:
            self._modules = ModuleNamespace(self._of_classic_server("getmodule"))
        return self._modules

    _modules: Any = None

    @property
    def builtins(self) -> Any:
        """The peer's built-in functions and types."""
        return self.modules.builtins

    @property
    def namespace(self) -> Any:
        """The dictionary in which `eval` and `execute` work."""
        return self._of_classic_server("namespace")

    @property
    def eval(self) -> Any:
        """`conn.eval(text)`: the value of an expression at the peer."""
        if self._eval is None:
            self._eval = self._of_classic_server("eval")
        return self._eval

    @property
    def execute(self) -> Any:
        """`conn.execute(text)`: run statements at the peer."""
        if self._execute is None:
            self._execute = self._of_classic_server("execute")
        return self._execute

    _eval: Any = None
    _execute: Any = None

    def __repr__(self) -> str:
        state = ", closed" if self.closed else ""
        return f"<sinew.Connection {self._config['connid']!r} {self._ends}{state}>"

    def _of_classic_server(self, name: str) -> Any:
        """Return what a classic server has under a name; AttributeError if this is none."""
        try:
            return getattr(self.root, name)
        except AttributeError:
            raise AttributeError(
                f"the server is not a classic server: it does not offer {name!r}. Start one with "
                "`sinew classic`, for peers that you trust; conn.root has what this one offers"
            ) from None


class _Offer(VoidService):
    _protocol = Connection


def _with_address(error: OSError, uri: str) -> OSError:
    """Return the same error, saying where: a program has more than one place to connect to."""
    *number, text = error.args[:2] or ("cannot connect",)
    return type(error)(*number, f"{text}: {uri}")


def _connect_plainly(place: address.Address, timeout: float | None) -> Any:
    try:
        if place.path:
            return SocketStream.unix_connect(place.path, timeout=timeout)
        return SocketStream.connect(
            place.host, place.port, ipv6=place.is_ipv6, timeout=timeout, attempts=1
        )
    except OSError as error:
        raise _with_address(error, str(place)) from None


def _connect_tls(
    place: address.Address,
    timeout: float | None,
    server_name: str | None,
    verify: bool,
    **files: Any,
) -> Any:
    from sinew import tls  # noqa: PLC0415 - only who uses it pays for it

    context = tls.make_context(verify=tls.REQUIRED if verify else tls.NOTHING, **files)
    sock = _connect_plainly(place, timeout).sock
    try:
        return tls.wrap(
            sock,
            context,
            host=server_name or place.host,
            timeout=timeout,
            verifies=verify,
            where=str(place),
        )
    except BaseException:
        sock.close()
        raise


def _show_token(stream: Any, token: Any, where: str, timeout: float | None) -> None:
    if token is None and not ("SINEW_TOKEN" in os.environ or "SINEW_TOKEN_FILE" in os.environ):
        return
    try:
        from sinew import tokens  # noqa: PLC0415 - only who uses it pays for it

        key = tokens.find(token)
        if key is not None:
            tokens.prove_to_server(stream.sock, key, where, timeout)
    except BaseException:
        stream.close()
        raise


def _connect_over(stream: Any, service: Any, config: dict[str, Any] | None) -> Connection:
    """Return the connection over a stream; `service` is what this side offers."""
    offer = _Offer() if service is None else service() if isinstance(service, type) else service
    channel = Channel(stream)
    if type(offer)._protocol is _Connection:
        conn = Connection(offer, channel, config or {})  # type: ignore[no-untyped-call]
        offer.on_connect(conn)
        return conn
    own: Connection = offer._connect(channel, config or {})
    return own


# A whole interpreter has to start behind ssh: the limit for a socket would be too short.
_SOCKET_TIMEOUT, _SSH_TIMEOUT = 3, 20
_BY_SCHEME: Any = object()


def connect(
    uri: str,
    service: Any = None,
    *,
    timeout: float | None = _BY_SCHEME,
    config: dict[str, Any] | None = None,
    certfile: Any = None,
    keyfile: Any = None,
    cafile: Any = None,
    crlfile: Any = None,
    verify: bool = True,
    server_name: str | None = None,
    token: Any = None,
    dispatcher: Any = None,
    reconnect: Any = None,
    on_lost: Any = None,
    on_restored: Any = None,
    ssh_options: Sequence[str] = (),
) -> Any:
    """Connect to a server and return the Connection.

    `uri` is `tcp://host:port`, `tls://host:port`, `unix:///path` or `host:port`; the port is 18812,
    or 18821 with TLS, if it is left out. With `ssh://user@host:port/path/to/python` no server is
    needed: a Python over there, `python3` if no path is named, becomes a classic server for this
    connection; `ssh_options` are arguments of the program `ssh` (`sinew.ssh` has more options).
    `service` is what this side offers to the peer, a class or an instance of `rpyc.Service`;
    nothing by default. `timeout` limits the connecting, in seconds, by default to 3 and with ssh to
    20; `config` is laid over RPyC's configuration. What the peer asks of this side (callbacks) runs
    where `dispatcher`, one of `sinew.dispatch`, says, if it is not part of a call that a thread
    waits for; else on the thread that reads it.

    With `tls`, the server's certificate has to be for the host of the `uri`, or for `server_name`,
    and signed by an authority in `cafile` (a file or a folder; those of the system by default) that
    has not revoked it in `crlfile`; `verify=False` asks for none of that. `certfile` and `keyfile`
    are what this side shows.

    With `token` (a str, or the path of a file that only its owner may read) both sides show each
    other that they know it; by default it is what `SINEW_TOKEN` or `SINEW_TOKEN_FILE` in the
    environment says, and False means none. PermissionError if the server does not accept it, knows
    another, or takes none.

    With `reconnect`, a `sinew.Backoff` or True, it is a `ReconnectingConnection`, which comes back
    when it is lost and then calls `on_lost(conn, cause)` and `on_restored(conn)`. The first
    connection is not tried again.

    ValueError for an address that makes no sense or a key that is none of the configuration's,
    OSError if nobody is there, `ssl.SSLError` (an OSError) with what is wrong with a certificate.
    """
    if isinstance(service, int) or not isinstance(uri, str):
        raise TypeError("connect() takes one address, such as 'tcp://localhost:18812'")
    if reconnect:
        of_tls = {"certfile": certfile, "keyfile": keyfile, "cafile": cafile, "crlfile": crlfile}
        of_tls |= {"verify": verify, "server_name": server_name, "token": token}
        again = partial(
            connect,
            uri,
            service,
            timeout=timeout,
            config=config,
            dispatcher=dispatcher,
            ssh_options=ssh_options,
            **of_tls,
        )
        return _reconnecting(again, reconnect, on_lost, on_restored, uri)
    if on_lost is not None or on_restored is not None:
        raise TypeError("on_lost and on_restored need reconnect=sinew.Backoff()")
    refuse_misspelt(config or ())
    if dispatcher is not None:
        config = {**(config or {}), "dispatcher": dispatcher}
    place = address.parse(uri)
    certificates = any((certfile, keyfile, cafile, crlfile, server_name)) or not verify
    if ssh_options and not place.is_ssh:
        raise ValueError(f"ssh_options need ssh: write ssh:// instead of {uri!r}")
    if timeout is _BY_SCHEME:
        timeout = _SSH_TIMEOUT if place.is_ssh else _SOCKET_TIMEOUT
    if place.is_tls:
        stream = SocketStream(
            _connect_tls(
                place,
                timeout,
                server_name,
                certfile=certfile,
                keyfile=keyfile,
                cafile=cafile,
                crlfile=crlfile,
                verify=verify,
            )
        )
    elif certificates:
        raise ValueError(f"certificates need TLS: write tls:// instead of {uri!r}")
    elif place.is_ssh:
        if token:
            raise ValueError(f"ssh has keys of its own: {uri!r} takes no token")
        from sinew import ssh  # noqa: PLC0415 - only who uses it pays for it

        return ssh.connect(
            place.host,
            service,
            user=place.user,
            port=place.port or None,
            python=place.path,
            ssh_options=ssh_options,
            timeout=timeout,
            config=config,
        )
    else:
        stream = _connect_plainly(place, timeout)
    _show_token(stream, token, str(place), timeout)
    return _connect_over(stream, service, config)


def _reconnecting(again: Any, backoff: Any, on_lost: Any, on_restored: Any, uri: str) -> Any:
    from sinew.reconnecting import Backoff, ReconnectingConnection  # noqa: PLC0415

    if backoff is True:
        backoff = Backoff()
    if not isinstance(backoff, Backoff):
        raise TypeError(f"reconnect is a sinew.Backoff or True, not {backoff!r}")
    return ReconnectingConnection(
        again, backoff, on_lost=on_lost, on_restored=on_restored, name=uri
    )
