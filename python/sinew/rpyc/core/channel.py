"""Frames over a stream, for programs that drive a channel themselves.

A connection of Sinew reads and writes frames in the engine; it takes `stream` and `compress` from
the channel it is given and leaves the rest alone, unless a subclass overrides `send` or `recv`.
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
