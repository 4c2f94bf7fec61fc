"""Streams of bytes below a channel: sockets and pipes.

The engine reads and writes the file descriptor of these streams directly. The methods `read` and
`write` serve programs that use a stream themselves, and streams whose bytes are not those of a
file descriptor (a subclass, a wrapped socket).
"""

import errno
import os
import socket
import sys
from contextlib import suppress

from sinew.rpyc import _lazy
from sinew.rpyc.lib import Timeout, socket_backoff_connect
from sinew.rpyc.lib.compat import poll

from .consts import STREAM_CHUNK

_WINDOWS = "the pipes of Windows are not part of Sinew, which runs on Linux"
__getattr__, __dir__ = _lazy.lazily(
    __name__, {}, dict.fromkeys(("NamedPipeStream", "Win32PipeStream"), _WINDOWS)
)

maxint = sys.maxsize
retry_errnos = (errno.EAGAIN, errno.EWOULDBLOCK)

_CLOSED_TEXT = "stream has been closed"
_ENDED_TEXT = "connection closed by peer"


class Stream:
    """What a channel needs: bytes in, bytes out, and the question whether any are there."""

    __module__ = "rpyc.core.stream"
    __slots__ = ()

    def close(self):
        """Close the stream; closing twice is allowed."""
        raise NotImplementedError

    @property
    def closed(self):
        """Whether the stream is closed."""
        raise NotImplementedError

    def fileno(self):
        """Return the file descriptor to wait at; EOFError once the stream is closed."""
        raise NotImplementedError

    def poll(self, timeout):
        """Tell whether there is something to read within `timeout` seconds (None: no limit)."""
        limit = Timeout(timeout)
        waiter = poll()
        waiter.register(self.fileno(), "r")
        return bool(waiter.poll(limit.timeleft()))

    def read(self, count):
        """Return exactly `count` bytes; EOFError if the stream ends before."""
        raise NotImplementedError

    def write(self, data):
        """Write all of `data`; EOFError if the other end is gone."""
        raise NotImplementedError

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


class _ClosedFile:
    """Stands in for the socket or file of a closed stream: every use says what happened."""

    __slots__ = ()
    closed = True

    def close(self):
        """Do nothing: it is closed."""

    def __getattr__(self, name):
        raise EOFError(_CLOSED_TEXT)

    def fileno(self):
        raise EOFError(_CLOSED_TEXT)


ClosedFile = _ClosedFile()


class SocketStream(Stream):
    """A stream over a connected socket. `sock` is the socket."""

    __module__ = "rpyc.core.stream"
    __slots__ = ("sock",)
    MAX_IO_CHUNK = STREAM_CHUNK

    def __init__(self, sock):
        self.sock = sock
        _send_at_once(sock)

    @classmethod
    def _connect(
        cls,
        host,
        port,
        family=socket.AF_INET,
        socktype=socket.SOCK_STREAM,
        proto=0,
        timeout=3,
        nodelay=False,
        keepalive=False,
        attempts=6,
    ):
        """Return a connected, blocking socket.

        `timeout` limits the connecting alone. `nodelay` is accepted for compatibility: small
        messages are never held back here.
        """
        places = socket.getaddrinfo(host, port, family, socktype, proto)
        sock = _connect_to_first(places, timeout, attempts)
        sock.settimeout(None)
        if keepalive:
            _keep_alive(sock, keepalive)
        return sock

    @classmethod
    def connect(cls, host, port, **kwargs):
        """Connect over TCP; `ipv6=True` chooses the family, the rest is that of `_connect`."""
        if kwargs.pop("ipv6", False):
            kwargs["family"] = socket.AF_INET6
        return cls(cls._connect(host, port, **kwargs))

    @classmethod
    def unix_connect(cls, path, timeout=3):
        """Connect to a unix socket; `timeout` limits the connecting alone."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout)
            sock.connect(path)
            sock.settimeout(None)
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    @classmethod
    def ssl_connect(cls, host, port, ssl_kwargs, **kwargs):
        """Connect over TLS.

        `ssl_kwargs` may have `keyfile`, `certfile`, `ca_certs`, `cert_reqs` (default: required),
        `check_hostname` (default: yes), `ssl_version` and `ciphers`; `kwargs` are those of
        `connect`. Its `timeout` limits the handshake, too. `ssl.SSLError` with what is wrong.
        """
        from sinew import tls  # noqa: PLC0415 - only who uses it pays for it

        options = dict(ssl_kwargs)
        if options.pop("server_side", False):
            raise ValueError("ssl_connect() is the client's side")
        verify = options.pop("cert_reqs", tls.REQUIRED)
        options["cafile"] = options.pop("ca_certs", None)
        context = tls.make_context(verify=verify, **options)
        sock = cls.connect(host, port, **kwargs).sock
        try:
            return cls(
                tls.wrap(
                    sock,
                    context,
                    host=host,
                    timeout=kwargs.get("timeout", 3),
                    verifies=verify != tls.NOTHING,
                    where=f"{host}:{port}",
                )
            )
        except BaseException:
            sock.close()
            raise

    @property
    def closed(self):
        return self.sock is ClosedFile

    def poll(self, timeout):
        """Tell whether there is something to read within `timeout` seconds (None: no limit)."""
        pending = getattr(self.sock, "pending", None)  # TLS may have taken it off the descriptor
        return bool(pending is not None and pending()) or super().poll(timeout)

    def close(self):
        sock, self.sock = self.sock, ClosedFile
        if sock is ClosedFile:
            return
        with suppress(OSError, EOFError, AttributeError):
            sock.shutdown(socket.SHUT_RDWR)  # wakes a reader in another thread
        sock.close()

    def fileno(self):
        number = self.sock.fileno()
        if number < 0:  # somebody closed the socket itself
            self.close()
            raise EOFError(_CLOSED_TEXT)
        return number

    def read(self, count):
        data = bytearray(count)
        view, done = memoryview(data), 0
        while done < count:
            try:
                got = self._receive(view[done : done + self.MAX_IO_CHUNK])
            except TimeoutError:
                continue
            except OSError as error:
                self.close()
                raise EOFError(str(error)) from error
            if not got:
                self.close()
                raise EOFError(_ENDED_TEXT)
            done += got
        return bytes(data)

    def write(self, data):
        try:
            self._send(data)
        except OSError as error:
            self.close()
            raise EOFError(str(error)) from error

    # What stands for a socket may have no more than recv() and send(): a channel of paramiko.

    def _receive(self, into):
        if hasattr(self.sock, "recv_into"):
            return self.sock.recv_into(into)
        piece = self.sock.recv(len(into))
        into[: len(piece)] = piece
        return len(piece)

    def _send(self, data):
        if hasattr(self.sock, "sendall"):
            self.sock.sendall(data)
            return
        view = memoryview(data)
        while view:
            view = view[self.sock.send(view[: self.MAX_IO_CHUNK]) :]


def _connect_to_first(places, timeout, attempts):
    """Try the addresses in order; raise the error of the last one."""
    for number, (family, socktype, proto, _, address) in enumerate(places, 1):
        try:
            return socket_backoff_connect(family, socktype, proto, address, timeout, attempts)
        except OSError:
            if number == len(places):
                raise
    raise OSError("the name has no address")


def _send_at_once(sock):
    """Switch Nagle's algorithm off: with delayed acknowledgements it costs 40 ms a message."""
    if getattr(sock, "family", None) in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):  # closed by the other side already: the first use will tell
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _keep_alive(sock, keepalive):
    """Probe a silent peer after `keepalive` seconds (True: 60), five times."""
    idle = 60 if keepalive is True else int(keepalive)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", idle), ("TCP_KEEPINTVL", idle), ("TCP_KEEPCNT", 5)):
        number = getattr(socket, option, None)
        if number is not None:
            sock.setsockopt(socket.IPPROTO_TCP, number, value)


class TunneledSocketStream(SocketStream):
    """A stream through a tunnel, which closes with it. `tun` is the tunnel or None."""

    __module__ = "rpyc.core.stream"
    __slots__ = ("tun",)

    def __init__(self, sock):
        self.tun = None
        super().__init__(sock)

    def close(self):
        super().close()
        tunnel, self.tun = self.tun, None
        if tunnel is not None:
            tunnel.close()


class PipeStream(Stream):
    """A stream over two files: one to read from, one to write to."""

    __module__ = "rpyc.core.stream"
    __slots__ = ("incoming", "outgoing")
    MAX_IO_CHUNK = STREAM_CHUNK

    def __init__(self, incoming, outgoing):
        outgoing.flush()
        self.incoming = incoming
        self.outgoing = outgoing

    @classmethod
    def from_std(cls):
        """Take over standard input and output.

        What this program or its children print from now on goes to standard error, and they read
        nothing, so that nobody can disturb the protocol.
        """
        sys.stdout.flush()
        stream = cls(os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0))
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(2 if _is_open(2) else nothing, 1)
        os.close(nothing)
        return stream

    @classmethod
    def create_pair(cls):
        """Return two streams that are connected to each other."""
        here_in, there_out = os.pipe()
        there_in, here_out = os.pipe()
        return tuple(
            cls(os.fdopen(incoming, "rb", 0), os.fdopen(outgoing, "wb", 0))
            for incoming, outgoing in ((here_in, here_out), (there_in, there_out))
        )

    @property
    def closed(self):
        return self.incoming is ClosedFile

    def close(self):
        files = (self.incoming, self.outgoing)
        self.incoming = self.outgoing = ClosedFile
        for file in files:
            with suppress(OSError):  # flushing to a reader that is gone
                file.close()

    def fileno(self):
        return self.incoming.fileno()

    def read(self, count):
        pieces = []
        while count:
            piece = self._attempt(os.read, self.incoming, min(count, self.MAX_IO_CHUNK))
            if not piece:
                self.close()
                raise EOFError(_ENDED_TEXT)
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def write(self, data):
        view = memoryview(data)
        while view:
            view = view[self._attempt(os.write, self.outgoing, view[: self.MAX_IO_CHUNK]) :]

    def _attempt(self, function, file, argument):
        try:
            return function(file.fileno(), argument)
        except (OSError, ValueError) as error:  # ValueError: the file was closed under us
            self.close()
            raise EOFError(str(error)) from error


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


_METHODS = ("read", "write", "poll", "close", "fileno")
_AS_MADE = {
    kind: tuple(getattr(kind, name) for name in _METHODS)
    for kind in (SocketStream, TunneledSocketStream, PipeStream)
}


def is_as_made(stream):
    """Tell whether the stream is one of ours, with nothing of the program's in it."""
    made = _AS_MADE.get(type(stream))
    return made is not None and made == tuple(getattr(type(stream), name) for name in _METHODS)
