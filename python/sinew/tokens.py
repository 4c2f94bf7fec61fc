"""Tokens: two peers show each other that they know the same secret, without saying it.

The bytes are specified in docs/protocols/tokens.md. A token is a text of 16 to 4096 bytes; who
knows it may use what is served. It comes from the program, from a file that only its owner may
read, or from the environment (`SINEW_TOKEN`, or `SINEW_TOKEN_FILE` with the path of such a file).
It proves who speaks; it hides nothing of what is said: that takes TLS.

This file travels with the pure peer (bundling.py), so it has the language of CPython 3.8, and needs
nothing else of Sinew.
"""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from contextlib import suppress

TYPE_CHECKING = False  # importing typing, even to ask it this, takes 4 ms
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

if __package__ == "sinew":
    from sinew.rpyc.utils.authenticators import AuthenticationError
else:  # it travels

    class AuthenticationError(Exception):  # type: ignore[no-redef]
        """Raised by an authenticator that refuses a client."""


HANDSHAKE_TIMEOUT = 10.0  # seconds that a server gives a client
SHORTEST, LONGEST = 16, 4096  # bytes of a token

_MAGIC = b"SINEW-TOKEN 1"
_REFUSED = b"SINEW-REFUSED"  # as long as _MAGIC
_NONCE = 32
# A frame of RPyC's with a message that means nothing: a server without tokens drops it at once.
_HELLO_HEAD = (len(_MAGIC) + _NONCE).to_bytes(4, "big") + b"\0" + _MAGIC
_LONGEST_REFUSAL = 200

_MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_urlsafe())' > FILE; chmod 600 FILE"


# Where a token comes from.


def find(token: Any) -> bytes | None:
    """Return the token that `token` stands for, or None for none.

    A str or bytes is the token itself, an `os.PathLike` the file with it, False none. None asks the
    environment, True insists on what is there. ValueError or OSError with what is wrong.
    """
    if token is False:
        return None
    if token is None or token is True:
        found = _of_environment()
        if found is None and token:
            raise ValueError("there is no token: set SINEW_TOKEN_FILE or SINEW_TOKEN")
        return found
    if isinstance(token, os.PathLike):
        return read_file(token)
    if isinstance(token, str) and os.path.exists(token):
        raise ValueError(f"{token!r} is a file: write pathlib.Path({token!r}) for the token in it")
    if isinstance(token, (str, bytes)):
        return _checked(token, "the token")
    raise TypeError(f"a token is a str, bytes or a path (pathlib.Path), not {type(token).__name__}")


def _of_environment() -> bytes | None:
    text, path = os.environ.get("SINEW_TOKEN"), os.environ.get("SINEW_TOKEN_FILE")
    if text is not None and path is not None:
        raise ValueError("SINEW_TOKEN and SINEW_TOKEN_FILE are both set: which one is meant?")
    if path is not None:
        return read_file(path)
    return None if text is None else _checked(text, "SINEW_TOKEN")


def read_file(path: Any) -> bytes:
    """Return the token in a file; PermissionError if others than its owner may read that."""
    name = os.fspath(path)
    with open(name, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{name} is no file")
        if found.st_mode & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            raise PermissionError(
                f"others may use the token in {name} (mode {mode:o}): chmod 600 {name}"
            )
        if found.st_uid not in (0, os.geteuid()):
            raise PermissionError(f"the token in {name} belongs to another user: chown it")
        return _checked(file.read(LONGEST + 3), f"the token in {name}")


def _checked(token: str | bytes, what: str) -> bytes:
    key = (token.encode() if isinstance(token, str) else token).strip()
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(
            f"{what} has {len(key)} bytes, and needs {SHORTEST} to {LONGEST}; to make one: "
            f"{_MAKE_ONE}"
        )
    return key


# The handshake.


def proof(key: bytes, role: str, client_nonce: bytes, server_nonce: bytes) -> bytes:
    """Return what shows that `role` ("client" or "server") knows the key: 32 bytes."""
    import hmac  # noqa: PLC0415 - only who uses tokens pays for it

    label = f"sinew-token 1 {role}".encode()
    return hmac.digest(key, label + b"\0" + client_nonce + server_nonce, "sha256")


def _equal(one: bytes, other: bytes) -> bool:
    from hmac import compare_digest  # noqa: PLC0415

    return compare_digest(one, other)


class _Line:
    """Exact reads from a socket, all of them within one time."""

    def __init__(self, sock: Any, timeout: float):
        self._sock, self._end = sock, time.monotonic() + timeout
        self._before = sock.gettimeout()

    def read_some(self, most: int) -> bytes:
        """Return 1 to `most` bytes; EOFError at the end, TimeoutError."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        data: bytes = self._sock.recv(most)
        if not data:
            raise EOFError
        return data

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self.read_some(count - len(data))
        return data

    def write(self, data: bytes) -> None:
        self._sock.settimeout(max(self._end - time.monotonic(), 0.001))
        self._sock.sendall(data)

    def restore(self) -> None:
        self._sock.settimeout(self._before)


def prove_to_server(sock: Any, key: bytes, where: str, timeout: float | None = None) -> None:
    """The client's side, on a connected socket; `where` names the server in errors.

    PermissionError if the server does not accept the token, knows another, or knows of none;
    TimeoutError after `timeout` seconds.
    """
    line = _Line(sock, HANDSHAKE_TIMEOUT if timeout is None else timeout)
    try:
        ours = os.urandom(_NONCE)
        line.write(_HELLO_HEAD + ours + b"\n")
        theirs = _read_answer(line, where)
        line.write(proof(key, "client", ours, theirs))
        if not _equal(_read_answer(line, where), proof(key, "server", ours, theirs)):
            raise PermissionError(f"{where} does not know the token: it may not be your server")
        line.restore()
    except TimeoutError:
        raise TimeoutError(f"{where} did not answer when it was offered a token") from None
    except (EOFError, ConnectionError):
        raise PermissionError(_no_tokens(where)) from None


def _no_tokens(where: str) -> str:
    return (
        f"{where} does not take tokens: serve with token=..., or connect with token=False "
        "(SINEW_TOKEN and SINEW_TOKEN_FILE count as token=...)"
    )


def _read_answer(line: _Line, where: str) -> bytes:
    """Return the 32 bytes that the server sends."""
    magic = line.read(len(_MAGIC))
    if magic == _REFUSED:
        raise PermissionError(f"{where} refuses: {_read_refusal(line)}")
    if magic != _MAGIC:
        raise PermissionError(_no_tokens(where))
    return line.read(_NONCE + 1)[:_NONCE]


def _read_refusal(line: _Line) -> str:
    text = b""
    with suppress(EOFError, OSError):
        while len(text) < _LONGEST_REFUSAL and not text.endswith(b"\n"):
            text += line.read_some(1)
    return "".join(c if c.isprintable() else "?" for c in text.decode("ascii", "replace").strip())


class Tries:
    """Counts failed tries per source: BURST at once, PER_SECOND from then on.

    A source is an IPv4 address, a 64-bit net of IPv6, or this machine. At most MOST_SOURCES are
    told apart; while there are more, the others share one count.

    threads: any.
    """

    BURST = 10
    PER_SECOND = 1.0
    MOST_SOURCES = 4096

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: dict[str, tuple[float, float]] = {}  # source -> (failures, as of when)
        self._swept = clock()

    def judge(self, source: str, is_right: Callable[[], bool]) -> bool | None:
        """Tell whether a try is right; None if the source has to wait, and nothing is told."""
        with self._lock:
            now = self._clock()
            name = self._place_of(source, now)
            failures = self._level(name, now)
            if failures + 1 > self.BURST:
                return None
            if is_right():
                return True
            self._failed[name] = (failures + 1, now)
            return False

    def __len__(self) -> int:
        return len(self._failed)

    def _level(self, name: str, now: float) -> float:
        failures, then = self._failed.get(name, (0.0, now))
        return max(failures - (now - then) * self.PER_SECOND, 0.0)

    def _place_of(self, source: str, now: float) -> str:
        if source in self._failed or len(self._failed) < self.MOST_SOURCES:
            return source
        if now - self._swept >= 1:
            self._swept = now
            for name in [name for name in self._failed if not self._level(name, now)]:
                del self._failed[name]
        return source if len(self._failed) < self.MOST_SOURCES else "others"


def source_of(sock: Any) -> str:
    """Return what a client's tries are counted under."""
    if sock.family == socket.AF_INET6:
        import ipaddress  # noqa: PLC0415

        address = ipaddress.IPv6Address(sock.getpeername()[0].partition("%")[0])
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(sock.getpeername()[0]) if sock.family == socket.AF_INET else "this machine"


class TokenAuthenticator:
    """Serves only clients that know the token, and shows them that this server does.

    `token` is what `find` takes: the token itself, a path, or None for the environment's. `over` is
    an authenticator that comes first, such as an `SSLAuthenticator`, whose credentials stay those
    of the connection. A client that has not done its part within `handshake_timeout` seconds is
    refused, and so is one from an address with too many failed tries (`Tries`).
    """

    def __init__(
        self, token: Any = None, *, over: Any = None, handshake_timeout: float = HANDSHAKE_TIMEOUT
    ):
        key = find(True if token is None else token)
        if key is None:
            raise ValueError("a TokenAuthenticator needs a token")
        self._key = key
        self.over = over
        self.handshake_timeout = handshake_timeout
        self.tries = Tries()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"  # the token is nobody's business

    def __call__(self, sock: Any) -> tuple[Any, Any]:
        source, credentials = source_of(sock), None
        if self.over is not None:
            sock, credentials = self.over(sock)
        line = _Line(sock, self.handshake_timeout)
        try:
            self._demand(line, source)
        except _RefusalError as refusal:
            _send_away(sock, line, refusal)
            raise
        except TimeoutError:
            raise AuthenticationError(
                f"no token within handshake_timeout ({self.handshake_timeout:g} s)"
            ) from None
        except (EOFError, OSError) as error:
            raise AuthenticationError(f"the client left in the handshake: {error}") from None
        line.restore()
        return sock, credentials

    def _demand(self, line: _Line, source: str) -> None:
        theirs = _read_hello(line)
        ours = os.urandom(_NONCE)
        line.write(_MAGIC + ours + b"\n")
        shown = line.read(_NONCE)
        right = self.tries.judge(
            source, lambda: _equal(shown, proof(self._key, "client", theirs, ours))
        )
        if right is None:
            raise _RefusalError("too many wrong tokens came from your address: wait a while")
        if not right:
            raise _RefusalError("the token is wrong")
        line.write(_MAGIC + proof(self._key, "server", theirs, ours) + b"\n")


class _RefusalError(AuthenticationError):
    """What the client is told, too."""


def _read_hello(line: _Line) -> bytes:
    """Return the client's nonce. Whoever says something else is told so at its first wrong byte."""
    whole = len(_HELLO_HEAD) + _NONCE + 1
    data = b""
    while len(data) < whole:
        data += line.read_some(whole - len(data))
        if not (data.startswith(_HELLO_HEAD) or _HELLO_HEAD.startswith(data)):
            raise _RefusalError("this server wants a token: connect with token=...")
    return data[len(_HELLO_HEAD) : -1]


def _send_away(sock: Any, line: _Line, refusal: Exception) -> None:
    """Tell the client why, and wait a moment for it to read that: an unread byte of its own would
    make the system drop ours."""
    with suppress(OSError, EOFError):
        line.write(_REFUSED + b" " + str(refusal).encode("ascii", "replace") + b"\n")
        sock.shutdown(socket.SHUT_WR)
        farewell = _Line(sock, _GRACE)
        for _ in range(_MOST_READS):
            farewell.read_some(4096)


_GRACE = 0.5  # seconds
_MOST_READS = 16
