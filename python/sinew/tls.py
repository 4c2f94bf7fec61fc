"""TLS for sockets: what the engine does with bytes, as an object that looks like a socket.

The handshake, the checks and the encryption are the engine's (OpenSSL 3), which answers
heartbeats without the GIL. Python's own `ssl` is only asked for the classes of its errors.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from sinew._sinew import TlsContext, TlsStream

TYPE_CHECKING = False  # importing typing, even to ask it this, takes 4 ms
if TYPE_CHECKING:
    from typing import Any

HANDSHAKE_TIMEOUT = 10.0  # seconds that a server gives a client

# What is demanded of the peer's certificate: the numbers of ssl.CERT_NONE and the others.
NOTHING, OPTIONAL, REQUIRED = range(3)

TLS_1_2 = 0x0303
# The numbers of the ssl.PROTOCOL_ names that stand for one version.
_VERSIONS = {3: 0x0301, 4: 0x0302, 5: TLS_1_2}


def make_context(
    *,
    serves: bool = False,
    certfile: Any = None,
    keyfile: Any = None,
    cafile: Any = None,
    crlfile: Any = None,
    verify: int = REQUIRED,
    check_hostname: bool = True,
    ssl_version: int | None = None,
    ciphers: str | None = None,
) -> TlsContext:
    """Return the context that these files and demands make; it may be shared by connections.

    `cafile` is a file or a folder of the authorities that are believed, those of the system when
    None. OSError with the file and what is wrong with it.
    """
    authorities = _path(cafile)
    is_folder = os.path.isdir(authorities)
    version = 0 if ssl_version is None else _VERSIONS.get(ssl_version, 0)
    return TlsContext(
        serves=serves,
        certfile=_path(certfile),
        keyfile=_path(keyfile),
        cafile="" if is_folder else authorities,
        capath=authorities if is_folder else "",
        crlfile=_path(crlfile),
        verify=verify,
        check_host=check_hostname,
        ciphers=ciphers or "",
        min_version=version or TLS_1_2,
        max_version=version,
    )


def _path(path: Any) -> str:
    return "" if path is None else os.fspath(path)


class TlsSocket:
    """A connected socket with TLS on it: what `ssl.SSLSocket` is, made by the engine.

    What it does not have itself is the plain socket's (`getpeername`, `setsockopt`).
    """

    __slots__ = ("__weakref__", "_limit", "_sock", "_verifies", "tls_stream")

    def __init__(self, sock: socket.socket, stream: TlsStream, verifies: bool):
        self._sock = sock
        self.tls_stream = stream
        self._verifies = verifies
        self._limit: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def getpeercert(self, binary_form: bool = False) -> Any:
        """Return the peer's certificate as `ssl` does: a dict, empty if it was not verified.

        None if the peer has shown none; its bytes with `binary_form`.
        """
        shown = self.tls_stream.peer_certificate(binary_form)
        return {} if shown is not None and not binary_form and not self._verifies else shown

    def version(self) -> str:
        """Return the version of TLS, such as `TLSv1.3`."""
        return self.tls_stream.version()

    def cipher(self) -> tuple[str, str, int]:
        """Return the name of the cipher, its version and the bits of its key."""
        return self.tls_stream.cipher()

    def pending(self) -> int:
        """Tell whether bytes may be left that a wait for the descriptor would not see."""
        return int(self.tls_stream.pending())

    def settimeout(self, seconds: float | None) -> None:
        """Limit each `recv`; writing waits for as long as it takes."""
        self._limit = seconds

    def gettimeout(self) -> float | None:
        """Return the limit of each `recv`."""
        return self._limit

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Read what is there into the buffer; return the number of bytes, 0 at the end."""
        view = memoryview(buffer).cast("B")
        return self.tls_stream.read_into(view[: nbytes or len(view)], self._limit)

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Return what is there, at most `bufsize` bytes; nothing at the end."""
        data = bytearray(bufsize)
        return bytes(data[: self.recv_into(data)])

    read = recv

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Write all of the bytes."""
        self.tls_stream.write(data)

    def send(self, data: Any, flags: int = 0) -> int:
        """Write all of the bytes; return how many they are."""
        self.tls_stream.write(data)
        return memoryview(data).nbytes

    write = send

    def shutdown(self, how: int) -> None:
        """Say farewell and end both directions, whatever `how` is."""
        self.tls_stream.end()
        with suppress(OSError):  # the peer has ended it already
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket. A connection over it goes on until it is closed itself."""
        self._sock.close()


def wrap(
    sock: socket.socket,
    context: TlsContext,
    *,
    host: str = "",
    timeout: float | None = None,
    verifies: bool = True,
    where: str = "",
) -> TlsSocket:
    """Do the handshake on a connected socket, within `timeout` seconds, and return the TlsSocket.

    `host` is the name that a server's certificate is to be for; `where` names the peer in errors.
    `ssl.SSLError` (an OSError) or TimeoutError with what went wrong; the socket stays open.
    """
    stream = context.start(sock.fileno(), host)
    failure = stream.handshake(timeout)
    if failure is None:
        return TlsSocket(sock, stream, verifies)
    timed_out, reason, number = failure
    text = f"TLS handshake with {where or _peer_of(sock)} failed: {reason}"
    if timed_out:
        raise TimeoutError(f"{text} ({timeout:g} s); it may not speak TLS")
    raise _ssl_error(text, reason, number)


def _peer_of(sock: socket.socket) -> str:
    try:
        return str(sock.getpeername())
    except OSError:
        return "a peer that has left"


def _ssl_error(text: str, reason: str, number: int) -> OSError:
    """Return the error as programs know it from `ssl`, where Python has that module."""
    try:
        import ssl  # noqa: PLC0415 - it costs 5 ms, and only errors need it
    except ImportError:
        return OSError(text)
    if not number:
        return ssl.SSLError(ssl.SSL_ERROR_SSL, text)
    error = ssl.SSLCertVerificationError(ssl.SSL_ERROR_SSL, text)
    error.verify_code = number
    error.verify_message = reason
    return error
