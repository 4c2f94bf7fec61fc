"""Addresses as users write them: `tcp://host:port`, `unix:///path`."""

from __future__ import annotations

from collections import namedtuple

DEFAULT_PORT = 18812


# Not a typing.NamedTuple: importing typing takes 4 ms.
class Address(namedtuple("Address", ("host", "port", "path"), defaults=("", 0, ""))):
    """Where to connect to or listen at. `path` is set for a Unix socket, the rest for TCP."""

    __slots__ = ()
    host: str
    port: int
    path: str

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is a numeric IPv6 address."""
        return ":" in self.host

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if self.is_ipv6 else self.host
        return f"tcp://{host}:{self.port}"


def parse(text: str, default_port: int = DEFAULT_PORT) -> Address:
    """Return the Address that `text` names.

    `tcp://host:port`, `tcp://[::1]:port`, `unix:///path`, or without a scheme `host:port` or
    `host`. ValueError with what is wrong.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "tcp", text
    if scheme == "unix":
        if not rest:
            raise ValueError(f"{text!r} names no path: write unix:///run/name.sock")
        return Address(path=rest)
    if scheme != "tcp":
        raise ValueError(f"{text!r}: the scheme must be tcp or unix, not {scheme!r}")
    return _parse_host_and_port(text, rest.rstrip("/"), default_port)


def _parse_host_and_port(text: str, rest: str, default_port: int) -> Address:
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
    return Address(host=host, port=int(port) if port else default_port)
