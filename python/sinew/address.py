"""Addresses as users write them: `tcp://host:port`, `tls://host:port`, `unix:///path`, `ssh://host`."""

from __future__ import annotations

from collections import namedtuple

DEFAULT_PORT = 18812
DEFAULT_TLS_PORT = 18821


# Not a typing.NamedTuple: importing typing takes 4 ms.
class Address(
    namedtuple(
        "Address",
        ("host", "port", "path", "is_tls", "is_ssh", "user"),
        defaults=("", 0, "", False, False, ""),
    )
):
    """Where to connect to or listen at. `path` is set for a Unix socket, the rest for TCP.

    With ssh, `user` may be set, `port` is 0 for ssh's own, and `path` is the Python to run there.
    """

    __slots__ = ()
    host: str
    port: int
    path: str
    is_tls: bool
    is_ssh: bool
    user: str

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is a numeric IPv6 address."""
        return ":" in self.host

    def __str__(self) -> str:
        if self.is_ssh:
            return self._ssh_text()
        if self.path:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if self.is_ipv6 else self.host
        return f"{'tls' if self.is_tls else 'tcp'}://{host}:{self.port}"

    def _ssh_text(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if self.is_ipv6 else self.host
        return f"ssh://{user}{host}{f':{self.port}' if self.port else ''}{self.path}"


_EXAMPLES = (
    "write tcp://localhost:18812, tls://localhost:18821, tcp://[::1]:18812, "
    "unix:///run/name.sock or ssh://user@host"
)


def parse(text: str, default_port: int | None = None) -> Address:
    """Return the Address that `text` names.

    `tcp://host:port`, `tcp://[::1]:port`, the same with `tls`, `unix:///path`, or without a scheme
    `host:port` or `host`; for connecting also `ssh://user@host:port/path`. ValueError with
    what is wrong and what would be right.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "tcp", text
    if scheme == "unix":
        if not rest:
            raise _odd(text, "there is no path")
        return Address(path=rest)
    if scheme == "ssh":
        return _parse_ssh(text, rest)
    if scheme not in ("tcp", "tls"):
        raise _odd(text, f"the scheme must be tcp, tls, unix or ssh, not {scheme!r}")
    if default_port is None:
        default_port = DEFAULT_TLS_PORT if scheme == "tls" else DEFAULT_PORT
    host, port = _parse_place(text, rest.removesuffix("/"))
    port = default_port if port is None else port
    return Address(host=host, port=port, is_tls=scheme == "tls")


def _parse_ssh(text: str, rest: str) -> Address:
    place, slash, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    if at and not (user and all(c.isalnum() or c in "._-+\\" for c in user) and user[0] != "-"):
        raise _odd(text, f"{user!r} is no user; passwords are for ssh to ask for")
    host, port = _parse_place(text, host)
    if host.startswith("-"):
        raise _odd(text, f"{host!r} is no host")
    return Address(
        host=host, port=port or 0, path=slash + path if path else "", is_ssh=True, user=user
    )


def _parse_place(text: str, place: str) -> tuple[str, int | None]:
    """Return the host and, if there is one, the port."""
    host, port = _split(text, place)
    if not host:
        raise _odd(text, "there is no host")
    if any(character.isspace() or character in "/@?#[]" for character in host):
        raise _odd(text, f"{host!r} is no host")
    if host.isdigit():  # the system takes 18812 for 0.0.73.124, which may even answer
        raise _odd(text, f"{host} is a port without a host")
    if port is None:
        return host, None
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise _odd(text, f"the port must be a number below 65536, not {port!r}")
    return host, int(port)


def _split(text: str, rest: str) -> tuple[str, str | None]:
    """Return the host and the text behind its colon, None if there is no colon."""
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
