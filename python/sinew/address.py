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


_EXAMPLES = (
    "write tcp://localhost:18812, tls://localhost:18821, tcp://[::1]:18812 or unix:///run/name.sock"
)


def parse(text: str, default_port: int | None = None) -> Address:
    """Return the Address that `text` names.

    `tcp://host:port`, `tcp://[::1]:port`, the same with `tls`, `unix:///path`, or without a scheme
    `host:port` or `host`. ValueError with what is wrong and what would be right.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "tcp", text
    if scheme == "unix":
        if not rest:
            raise _odd(text, "there is no path")
        return Address(path=rest)
    if scheme not in ("tcp", "tls"):
        raise _odd(text, f"the scheme must be tcp, tls or unix, not {scheme!r}")
    is_tls = scheme == "tls"
    if default_port is None:
        default_port = DEFAULT_TLS_PORT if is_tls else DEFAULT_PORT
    host, port = _split(text, rest.removesuffix("/"))
    if not host:
        raise _odd(text, "there is no host")
    if any(character.isspace() or character in "/@?#[]" for character in host):
        raise _odd(text, f"{host!r} is no host")
    if port is None:
        return Address(host=host, port=default_port, is_tls=is_tls)
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise _odd(text, f"the port must be a number below 65536, not {port!r}")
    return Address(host=host, port=int(port), is_tls=is_tls)


def _split(text: str, rest: str) -> tuple[str, str | None]:
    """Return the host and, if there is one, the port."""
    if rest.startswith("["):
        host, bracket, behind = rest[1:].partition("]")
        if not bracket:
            raise _odd(text, "there is no closing bracket behind the IPv6 address")
        if behind and not behind.startswith(":"):
            raise _odd(text, f"behind the bracket must be a colon and the port, not {behind!r}")
        if host and ":" not in host:
            raise _odd(text, f"brackets are for IPv6 addresses, not for {host!r}")
        return host, behind[1:] if behind else None
    if rest.count(":") > 1:
        raise _odd(text, "an IPv6 address must be in brackets")
    host, colon, port = rest.partition(":")
    return host, port if colon else None


def _odd(text: str, what: str) -> ValueError:
    return ValueError(f"{text!r}: {what}; {_EXAMPLES}")
