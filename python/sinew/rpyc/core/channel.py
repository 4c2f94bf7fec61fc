"""Frames over a stream, for programs that drive a channel themselves.

A connection of Sinew reads and writes frames in the engine; it takes `stream` from the channel it
is given and leaves the rest alone. But where `send`, `recv` or `poll` are the program's own, all
packets go through them.
"""

import zlib
from struct import Struct


class Channel:
    """Sends and receives whole packets of bytes over a `Stream`.

    A frame is its length (4 bytes, big-endian), a flag that tells whether it is compressed, the
    packet, and one byte that ends it.

    threads: one sender and one receiver at a time.
    """

    __module__ = "rpyc.core.channel"
    __slots__ = ("compress", "stream")

    COMPRESSION_THRESHOLD = 3000
    COMPRESSION_LEVEL = 1
    FRAME_HEADER = Struct("!LB")
    FLUSHER = b"\n"
    # The wire allows 4 GiB, which a few hundred kilobytes of compressed data can claim.
    MAX_PACKET = 1 << 30

    def __init__(self, stream, compress=True):
        self.stream = stream
        self.compress = compress

    def close(self):
        """Close the stream."""
        self.stream.close()

    @property
    def closed(self):
        """Whether the stream is closed."""
        return self.stream.closed

    def fileno(self):
        """Return the file descriptor of the stream."""
        return self.stream.fileno()

    def poll(self, timeout):
        """Tell whether there is something to receive within `timeout` seconds."""
        return self.stream.poll(timeout)

    def recv(self):
        """Return the next packet.

        EOFError if the stream ends; ValueError if the packet is too large or not what its frame
        claims.
        """
        length, compressed = self.FRAME_HEADER.unpack(self.stream.read(self.FRAME_HEADER.size))
        if length > self.MAX_PACKET:
            raise ValueError(f"packet of {length} bytes is above the limit of {self.MAX_PACKET}")
        data = self.stream.read(length + len(self.FLUSHER))[: -len(self.FLUSHER)]
        return self._inflate(data) if compressed else data

    def _inflate(self, data):
        inflater = zlib.decompressobj()
        try:
            inflated = inflater.decompress(data, self.MAX_PACKET)
        except zlib.error as error:
            raise ValueError(f"packet is not compressed data: {error}") from None
        if inflater.unconsumed_tail:
            raise ValueError(f"packet inflates above the limit of {self.MAX_PACKET} bytes")
        if not inflater.eof:
            raise ValueError("compressed packet is cut short")
        return inflated

    def send(self, data):
        """Send one packet; EOFError if the stream is closed."""
        compressed = 0
        if self.compress and len(data) > self.COMPRESSION_THRESHOLD:
            compressed = 1
            data = zlib.compress(data, self.COMPRESSION_LEVEL)
        header = self.FRAME_HEADER.pack(len(data), compressed)
        self.stream.write(b"".join((header, data, self.FLUSHER)))


_OWN_METHODS = tuple(getattr(Channel, name) for name in ("send", "recv", "poll"))


def has_own_packets(channel):
    """Tell whether packets must go through the channel's methods: they are the program's."""
    kind = type(channel)
    methods = tuple(getattr(kind, name, None) for name in ("send", "recv", "poll"))
    if methods == _OWN_METHODS:
        return False
    return isinstance(channel, Channel) or (None not in methods and not hasattr(kind, "write"))


class PacketStream:
    """A channel's packets as the stream of frames that the engine reads and writes.

    threads: one reader and one writer at a time.
    """

    def __init__(self, channel):
        self._channel = channel
        self._read = b""  # the rest of the frame of the packet received last
        self._written = b""  # the start of a frame that is not complete

    def close(self):
        """Close the channel."""
        self._channel.close()

    def fileno(self):
        """Return the channel's descriptor."""
        return self._channel.fileno()

    def poll(self, timeout):
        """Tell whether there is something to read within `timeout` seconds."""
        return bool(self._read) or self._channel.poll(timeout)

    def read(self, count):
        """Return at least one byte, `count` at most."""
        if not self._read:
            packet = self._channel.recv()
            header = Channel.FRAME_HEADER.pack(len(packet), 0)
            self._read = b"".join((header, packet, Channel.FLUSHER))
        part, self._read = self._read[:count], self._read[count:]
        return part

    def write(self, data):
        """Send each packet whose frame is complete."""
        start, header = 0, Channel.FRAME_HEADER
        pending = self._written + data
        while len(pending) - start >= header.size:
            length, _ = header.unpack_from(pending, start)
            end = start + header.size + length + len(Channel.FLUSHER)
            if end > len(pending):
                break
            self._channel.send(pending[start + header.size : end - len(Channel.FLUSHER)])
            start = end
        self._written = pending[start:]
