"""Plain values as bytes: brine."""

import struct

from .wire import DEFAULT_CONFIG, LimitError, ProtocolError


def _encode_bytes(value):
    size = len(value)
    if size <= 4:
        return bytes((0x09 + size,)) + value if size else b"\x01"
    return (
        struct.pack("!BB", 0x0E, size) if size < 256 else struct.pack("!BL", 0x0F, size)
    ) + value


def encode_int(value):
    if -48 <= value <= 159:
        return bytes((value + 0x50,))
    digits = b"%d" % value
    size = len(digits)
    return (
        struct.pack("!BB", 0x16, size) if size < 256 else struct.pack("!BL", 0x17, size)
    ) + digits


def tuple_head(count):
    if count <= 4:
        return bytes((0x0F + count,)) if count else b"\x02"
    return struct.pack("!BB", 0x14, count) if count < 256 else struct.pack("!BL", 0x15, count)


def _encode_tuple(items):
    return tuple_head(len(items)) + b"".join(map(encode, items))


ENCODERS = {
    type(None): lambda _: b"\x00",
    bool: lambda value: b"\x03" if value else b"\x04",
    type(NotImplemented): lambda _: b"\x05",
    type(Ellipsis): lambda _: b"\x06",
    int: encode_int,
    float: lambda value: b"\x18" + struct.pack("!d", value),
    complex: lambda value: b"\x1b" + struct.pack("!dd", value.real, value.imag),
    bytes: _encode_bytes,
    str: lambda value: b"\x08" + _encode_bytes(value.encode("utf-8")),
}
CONTAINERS = {
    tuple: _encode_tuple,
    frozenset: lambda value: b"\x1a" + _encode_tuple(tuple(value)),
    slice: lambda value: b"\x19" + _encode_tuple((value.start, value.stop, value.step)),
}


def encode(value):
    """Return the bytes of a plain value; TypeError if it is none, by its exact type."""
    encoder = ENCODERS.get(type(value)) or CONTAINERS.get(type(value))
    if encoder is None:
        raise TypeError(f"cannot dump {type(value)!r}")
    return encoder(value)


def is_plain(value):
    """Tell whether a value travels by value."""
    try:
        encode(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


class Decoder:
    """Reads values from bytes; strict where a value is cut short or too deep."""

    __slots__ = ("at", "config", "data")

    def __init__(self, data, at, config):
        self.data = data
        self.at = at
        self.config = config

    def take(self, count):
        end = self.at + count
        if end > len(self.data):
            raise ProtocolError("a value is cut short")
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def value(self, depth=0):
        tag = self.take(1)[0]
        if 0x20 <= tag <= 0xEF:
            return tag - 0x50
        reader = _READERS.get(tag)
        if reader is None:
            raise ProtocolError(f"no value starts with the byte {tag:#x}")
        if depth > self.config["max_depth"]:
            raise LimitError("max_depth", "values are nested too deep")
        return reader(self, depth)

    def size(self, width):
        return int.from_bytes(self.take(width), "big")

    def items(self, count, depth):
        if count > len(self.data) - self.at:
            raise ProtocolError("a tuple announces more than there is")
        return tuple([self.value(depth + 1) for _ in range(count)])

    def text(self, depth):
        data = self.value(depth + 1)
        if type(data) is not bytes:
            raise ProtocolError("text is not bytes")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ProtocolError(str(error)) from None

    def integer(self, width):
        size = self.size(width)
        if size > self.config["max_int_digits"] + 1:
            raise LimitError("max_int_digits", "an integer is too long")
        digits = self.take(size)
        if not digits[digits[:1] == b"-" :].isdigit():
            raise ProtocolError("an integer has other bytes than digits")
        return int(digits)

    def tuple_of(self, depth, kind):
        value = self.value(depth + 1)
        if type(value) is not tuple:
            raise ProtocolError(f"a {kind.__name__} is not made of a tuple")
        try:
            return kind(value) if kind is frozenset else slice(*value)
        except TypeError as error:
            raise ProtocolError(str(error)) from None


# By tag: (decoder, depth) -> value.
_READERS = {
    0x00: lambda self, _: None,
    0x01: lambda self, _: b"",
    0x02: lambda self, _: (),
    0x03: lambda self, _: True,
    0x04: lambda self, _: False,
    0x05: lambda self, _: NotImplemented,
    0x06: lambda self, _: Ellipsis,
    0x08: Decoder.text,
    0x0E: lambda self, _: self.take(self.size(1)),
    0x0F: lambda self, _: self.take(self.size(4)),
    0x14: lambda self, depth: self.items(self.size(1), depth),
    0x15: lambda self, depth: self.items(self.size(4), depth),
    0x16: lambda self, _: self.integer(1),
    0x17: lambda self, _: self.integer(4),
    0x18: lambda self, _: struct.unpack("!d", self.take(8))[0],
    0x19: lambda self, depth: self.tuple_of(depth, slice),
    0x1A: lambda self, depth: self.tuple_of(depth, frozenset),
    0x1B: lambda self, _: complex(*struct.unpack("!dd", self.take(16))),
}
for _n in range(1, 5):
    _READERS[0x09 + _n] = lambda self, _, count=_n: self.take(count)
    _READERS[0x0F + _n] = lambda self, depth, count=_n: self.items(count, depth)


def decode(data, at=0, config=DEFAULT_CONFIG):
    """Return the first value of `data`; ProtocolError if there is none."""
    return Decoder(data, at, config).value()
