"""Bytes over sockets and pipes, cut into frames. POSIX only."""

import os
import select
import socket
import struct
import zlib

from .wire import LimitError, ProtocolError

_CHUNK = 256 * 1024
_PIPE_PIECE = 4096  # PIPE_BUF: a pipe that has room takes that much without blocking
_IN = select.POLLIN
_TROUBLE = select.POLLHUP | select.POLLERR | select.POLLNVAL


class SocketStream:
    """Bytes over a connected socket, which stays blocking: others may share it."""

    def __init__(self, sock):
        sock.settimeout(None)
        if sock.family in (socket.AF_INET, getattr(socket, "AF_INET6", None)):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock

    def fileno(self):
        """Return the descriptor to wait at."""
        return self.sock.fileno()

    def wait(self, read, write, timeout):
        """Wait up to `timeout` seconds (None: for ever); return (readable, writable)."""
        return _poll({self.sock.fileno(): (read, write)}, timeout)

    def read_some(self):
        """Return what is there, b"" at the end, None if nothing is there."""
        try:
            return self.sock.recv(_CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None

    def write_some(self, data):
        """Write what there is room for and return how much that was."""
        try:
            return self.sock.send(data[:_CHUNK], socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def wake(self):
        """Have threads that wait return: the end has come."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        """Close the socket."""
        self.sock.close()


class PipeStream:
    """Bytes over two descriptors, which it owns: one to read from, one to write to."""

    def __init__(self, incoming, outgoing):
        self._incoming = incoming
        self._outgoing = outgoing
        self._woken, self._waker = os.pipe()  # closing a descriptor wakes nobody who polls it

    def fileno(self):
        """Return the descriptor to wait at."""
        return self._incoming

    def wait(self, read, write, timeout):
        """As SocketStream.wait."""
        wanted = {self._incoming: (read, False), self._outgoing: (False, write)}
        wanted[self._woken] = (True, False)
        return _poll(wanted, timeout)

    def read_some(self):
        """As SocketStream.read_some."""
        if not _poll({self._incoming: (True, False)}, 0)[0]:
            return None
        return os.read(self._incoming, _CHUNK)

    def write_some(self, data):
        """As SocketStream.write_some."""
        if not _poll({self._outgoing: (False, True)}, 0)[1]:
            return 0
        return os.write(self._outgoing, data[:_PIPE_PIECE])

    def wake(self):
        """As SocketStream.wake."""
        try:
            os.write(self._waker, b"!")
        except OSError:
            pass

    def close(self):
        """Close the descriptors."""
        owned = {self._incoming, self._outgoing, self._woken, self._waker} - {-1}
        self._incoming = self._outgoing = self._woken = self._waker = -1
        for number in owned:
            os.close(number)


def _poll(wanted, timeout):
    """Poll {descriptor: (read, write)}; return whether one can be read, and one written."""
    poller = select.poll()
    for number, (read, write) in wanted.items():
        if read or write:
            poller.register(number, (_IN if read else 0) | (select.POLLOUT if write else 0))
    milliseconds = None if timeout is None else max(0, int(timeout * 1000 + 0.999))
    readable = writable = False
    for number, events in poller.poll(milliseconds):
        read, write = wanted[number]
        readable |= read and bool(events & (_IN | _TROUBLE))
        writable |= write and bool(events & (select.POLLOUT | _TROUBLE))
    return readable, writable


class Frames:
    """Cuts what was received into frames, and inflates them."""

    def __init__(self, config):
        self._config = config
        self._data = bytearray()

    def feed(self, data):
        self._data += data
        if len(self._data) > self._config["max_queued_bytes"] + self._config["max_frame_size"]:
            raise LimitError("max_queued_bytes", "too much waits to be served")

    def next(self):
        """Return the payload of the next frame, None if it is not there yet."""
        if len(self._data) < 5:
            return None
        size, compressed = struct.unpack_from("!LB", self._data)
        if size > self._config["max_frame_size"]:
            raise LimitError("max_frame_size", f"a frame of {size} bytes")
        if len(self._data) < size + 6:
            return None
        payload = bytes(memoryview(self._data)[5 : 5 + size])
        del self._data[: size + 6]
        return self._inflate(payload) if compressed else payload

    def _inflate(self, payload):
        most = self._config["max_inflated_size"]
        inflater = zlib.decompressobj()
        try:
            data = inflater.decompress(payload, most + 1)
        except zlib.error as error:
            raise ProtocolError(f"compressed data: {error}") from None
        if len(data) > most:
            raise LimitError("max_inflated_size", "a frame inflates to more")
        if not inflater.eof:
            raise ProtocolError("compressed data is cut short")
        return data
