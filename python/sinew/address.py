"""Addresses as users write them: `tcp://host:port`, `tls://host:port`, `unix:///path`."""

from __future__ import annotations

from collections import namedtuple

DEFAULT_PORT = 18812
DEFAULT_TLS_PORT = 18821


# Not a typing.NamedTuple: importing typing takes 4 ms.
class Address(
    namedtuple("Address", ("host", "port", "path", "is_tls"), defaults=("", 0, "", False))
):
    """Where to connect to or listen at. `path` is set for a Unix socket, the rest for TCP."""

    __slots__ = ()
    host: str
    port: int
    path: str
    is_tls: bool

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is a numeric IPv6 address."""
        return ":" in self.host

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if self.is_ipv6 else self.host
        return f"{'tls' if self.is_tls else 'tcp'}://{host}:{self.port}"


def parse(text: str, default_port: int | None = None) -> Address:
    """Return the Address that `text` names.

    `tcp://host:port`, `tcp://[::1]:port`, the same with `tls`, `unix:///path`, or without a scheme
    `host:port` or `host`. ValueError with what is wrong.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "tcp", text
    if scheme == "unix":
        if not rest:
            raise ValueError(f"{text!r} names no path: write unix:///run/name.sock")
        return Address(path=rest)
    if scheme not in ("tcp", "tls"):
        raise ValueError(f"{text!r}: the scheme must be tcp, tls or unix, not {scheme!r}")
    is_tls = scheme == "tls"
    if default_port is None:
        default_port = DEFAULT_TLS_PORT if is_tls else DEFAULT_PORT
    return _parse_host_and_port(text, rest.rstrip("/"), default_port, is_tls)


def _parse_host_and_port(text: str, rest: str, default_port: int, is_tls: bool) -> Address:
    if rest.startswith("["):
        host, bracket, port = rest[1:].partition("]")
        if not bracket:
            raise ValueError(f"{text!r} has no closing bracket behind the IPv6 address")
        port = port.removeprefix(":")
    else:
        host, _, port = rest.partition(":")
    if not host:
        raise ValueError(f"{text!r} names no host")
    if port and not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f"{text!r}: the port must be a number below 65536, not {port!r}")
    return Address(host=host, port=int(port) if port else default_port, is_tls=is_tls)
