"""The by-value format of the wire: immutable built-in types, and nothing that could run code.

The codec is the engine's. The tags are here for programs that look at messages themselves.
"""

from struct import Struct

from sinew import _sinew

TAG_NONE = b"\x00"
TAG_EMPTY_STR = b"\x01"
TAG_EMPTY_TUPLE = b"\x02"
TAG_TRUE = b"\x03"
TAG_FALSE = b"\x04"
TAG_NOT_IMPLEMENTED = b"\x05"
TAG_ELLIPSIS = b"\x06"
TAG_UNICODE = b"\x08"
TAG_STR1 = b"\x0a"
TAG_STR2 = b"\x0b"
TAG_STR3 = b"\x0c"
TAG_STR4 = b"\x0d"
TAG_STR_L1 = b"\x0e"
TAG_STR_L4 = b"\x0f"
TAG_TUP1 = b"\x10"
TAG_TUP2 = b"\x11"
TAG_TUP3 = b"\x12"
TAG_TUP4 = b"\x13"
TAG_TUP_L1 = b"\x14"
TAG_TUP_L4 = b"\x15"
TAG_INT_L1 = b"\x16"
TAG_INT_L4 = b"\x17"
TAG_FLOAT = b"\x18"
TAG_SLICE = b"\x19"
TAG_FSET = b"\x1a"
TAG_COMPLEX = b"\x1b"

# How messages and the numbers in them are packed, for programs that look at them.
I1 = Struct("!B")
I4 = Struct("!L")
I8I8 = Struct("!QQ")
F8 = Struct("!d")
C16 = Struct("!dd")

# The integers that are one byte.
IMM_INTS = {value: bytes((value + 0x50,)) for value in range(-0x30, 0xA0)}
IMM_INTS_LOADER = {tag: value for value, tag in IMM_INTS.items()}

simple_types = frozenset(
    (type(None), int, bool, float, bytes, str, complex, type(NotImplemented), type(Ellipsis))
)


def dump(obj):
    """Return the bytes of a value; TypeError for one that has no by-value form."""
    return _sinew.brine_dump(obj)


def load(data):
    """Return the value that `dump` made the bytes of; ValueError for anything else."""
    return _sinew.brine_load(data)


def dumpable(obj):
    """Tell whether `dump` takes the value: exact built-in types, tuples and sets of them."""
    return _sinew.brine_dumpable(obj)
