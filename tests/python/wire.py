"""The wire of RPyC, written by hand: for tests that send what no honest peer would.

`encode` and `decode` speak brine for the types the tests need; `frame` and `Raw` speak frames over
a socket. Family C puts the kind of a message in front of the value, family B inside of it.
"""

import select
import socket
import struct
import zlib

REQUEST, REPLY, EXCEPTION = 1, 2, 3
VALUE, TUPLE, LOCAL_REF, REMOTE_REF = 1, 2, 3, 4
PING, CLOSE, GETROOT, GETATTR, CALL, CALLATTR = 1, 2, 3, 4, 7, 8
STR_OF, DEL, INSPECT, BUFFITER = 10, 15, 16, 17

_CONSTANTS = {None: b"\x00", b"": b"\x01", (): b"\x02", True: b"\x03", False: b"\x04"}


def encode(value):
    """Return the brine of None, a bool, int, bytes, str or tuple of these."""
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    if isinstance(value, int):
        return _encode_int(value)
    if isinstance(value, str):
        return b"\x08" + encode(value.encode())
    if isinstance(value, bytes):
        return _sized(value, b"\x01", 0x0A, b"\x0e", b"\x0f", len(value)) + value
    if isinstance(value, tuple):
        head = _sized(value, b"\x02", 0x10, b"\x14", b"\x15", len(value))
        return head + b"".join(map(encode, value))
    raise TypeError(f"cannot encode {value!r}")


def _encode_int(value):
    if -48 <= value <= 159:
        return bytes((value + 0x50,))
    digits = str(value).encode()
    if len(digits) < 256:
        return b"\x16" + bytes((len(digits),)) + digits
    return b"\x17" + struct.pack("!L", len(digits)) + digits


def _sized(_, empty, one, short, long, length):
    if length == 0:
        return empty
    if length <= 4:
        return bytes((one + length - 1,))
    if length < 256:
        return short + bytes((length,))
    return long + struct.pack("!L", length)


def decode(data):
    """Return the first value of `data`; raises on what this file does not need."""
    return _Decoder(data).value()


class _Decoder:
    def __init__(self, data):
        self._data, self._at = data, 0

    def _take(self, count):
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            raise EOFError("brine is cut short")
        self._at += count
        return piece

    def _length(self, size):
        return int.from_bytes(self._take(size), "big")

    def value(self):
        tag = self._take(1)[0]
        if 0x20 <= tag <= 0xEF:
            return tag - 0x50
        for constant, code in _CONSTANTS.items():
            if code[0] == tag:
                return constant
        if tag == 0x08:
            return self.value().decode()
        if 0x0A <= tag <= 0x0F:
            return bytes(self._take(self._count(tag, 0x0A)))
        if 0x10 <= tag <= 0x15:
            return tuple(self.value() for _ in range(self._count(tag, 0x10)))
        if tag in (0x16, 0x17):
            return int(self._take(self._length(1 if tag == 0x16 else 4)))
        raise ValueError(f"tag {tag:#x}")

    def _count(self, tag, first):
        if tag < first + 4:
            return tag - first + 1
        return self._length(1 if tag == first + 4 else 4)


def frame(payload, compressed=0, length=None):
    """Return a frame; `length` may lie."""
    return struct.pack("!LB", len(payload) if length is None else length, compressed) + (
        payload + b"\n"
    )


def message(kind, seq, body, family="C"):
    """Return the payload of a message."""
    if family == "B":
        return encode((kind, seq, body))
    return bytes((kind,)) + encode((seq, body))


def request(seq, handler, *boxes, family="C"):
    """Return the frame of a request whose arguments are boxed already."""
    return frame(message(REQUEST, seq, (handler, (TUPLE, boxes)), family))


def boxed(value):
    """Return a value boxed by value."""
    return (VALUE, value)


class Raw:
    """A client that sends bytes as it likes, to a local port or over a socket of the test's."""

    def __init__(self, place, timeout=5):
        is_port = isinstance(place, int)
        self.sock = socket.create_connection(("127.0.0.1", place), timeout) if is_port else place
        self._data = bytearray()

    @classmethod
    def over(cls, sock, timeout=5):
        """Return one over a socket that is connected, which waits no longer than that."""
        sock.settimeout(timeout)
        return cls(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def _read(self, count):
        while len(self._data) < count:
            piece = self.sock.recv(max(65536, count - len(self._data)))
            if not piece:
                raise EOFError("the peer closed the connection")
            self._data += piece
        piece = bytes(self._data[:count])
        del self._data[:count]
        return piece

    def receive(self):
        """Return the payload of the next frame."""
        length, compressed = struct.unpack("!LB", self._read(5))
        payload = self._read(length + 1)[:-1]
        return zlib.decompress(payload) if compressed else payload

    def reply(self, family="C"):
        """Return (kind, seq, body) of the next message."""
        payload = self.receive()
        if family == "B":
            return decode(payload)
        return (payload[0], *decode(payload[1:]))

    def ask(self, seq, handler, *boxes):
        """Send a request and return the reply to it."""
        self.send(request(seq, handler, *boxes))
        return self.reply()

    def root(self):
        """Return the identity of the server's root."""
        _, _, (label, identity) = self.ask(0, GETROOT)
        assert label == REMOTE_REF
        return identity

    def is_quiet(self, for_seconds=0):
        """Whether nothing comes for a while."""
        return not self._data and not select.select([self.sock], [], [], for_seconds)[0]

    def is_closed_by_peer(self):
        """Wait until the peer closes; False if it says or waits for something instead."""
        try:
            while self.sock.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True
