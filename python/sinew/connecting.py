"""Connecting to a server, Sinew's or RPyC's."""

from __future__ import annotations

from sinew import address
from sinew.rpyc.core.channel import Channel
from sinew.rpyc.core.config import refuse_misspelt
from sinew.rpyc.core.protocol import Connection as _Connection
from sinew.rpyc.core.service import ModuleNamespace, VoidService
from sinew.rpyc.core.stream import SocketStream

TYPE_CHECKING = False  # importing typing, even to ask it this, takes 4 ms
if TYPE_CHECKING:
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


def connect(
    uri: str,
    service: Any = None,
    *,
    timeout: float | None = 3,
    config: dict[str, Any] | None = None,
    certfile: Any = None,
    keyfile: Any = None,
    cafile: Any = None,
    crlfile: Any = None,
    verify: bool = True,
    server_name: str | None = None,
    dispatcher: Any = None,
) -> Connection:
    """Connect to a server and return the Connection.

    `uri` is `tcp://host:port`, `tls://host:port`, `unix:///path` or `host:port`; the port is 18812,
    or 18821 with TLS, if it is left out. `service` is what this side offers to the peer, a class or
    an instance of `rpyc.Service`; nothing by default. `timeout` limits the connecting, in seconds;
    `config` is laid over RPyC's configuration. What the peer asks of this side (callbacks) runs
    where `dispatcher`, one of `sinew.dispatch`, says, if it is not part of a call that a thread
    waits for; else on the thread that reads it.

    With `tls`, the server's certificate has to be for the host of the `uri`, or for `server_name`,
    and signed by an authority in `cafile` (a file or a folder; those of the system by default) that
    has not revoked it in `crlfile`; `verify=False` asks for none of that. `certfile` and `keyfile`
    are what this side shows.

    ValueError for an address that makes no sense or a key that is none of the configuration's,
    OSError if nobody is there, `ssl.SSLError` (an OSError) with what is wrong with a certificate.
    """
    if isinstance(service, int) or not isinstance(uri, str):
        raise TypeError("connect() takes one address, such as 'tcp://localhost:18812'")
    refuse_misspelt(config or ())
    if dispatcher is not None:
        config = {**(config or {}), "dispatcher": dispatcher}
    place = address.parse(uri)
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
    elif any((certfile, keyfile, cafile, crlfile, server_name)) or not verify:
        raise ValueError(f"certificates need TLS: write tls:// instead of {uri!r}")
    else:
        stream = _connect_plainly(place, timeout)
    offer = _Offer() if service is None else service() if isinstance(service, type) else service
    channel = Channel(stream)
    if type(offer)._protocol is _Connection:
        conn = Connection(offer, channel, config or {})  # type: ignore[no-untyped-call]
        offer.on_connect(conn)
        return conn
    own: Connection = offer._connect(channel, config or {})
    return own
