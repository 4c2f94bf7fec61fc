"""The by-value format of the wire: immutable built-in types, and nothing that could run code.

The codec is the engine's. The tags are here for programs that look at messages themselves.
"""

import sys
import types
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

_CLOSED = (
    "Sinew's codec takes no types of a program's own: it is the engine's, and the other side would "
    "have to know them, too. Send the value as a tuple, or give both sides "
    "allow_pickle and use rpyc.classic.obtain(), or override _box() and _unbox() of the Connection"
)


class _Registry(dict):
    """Can be looked at and used, and not changed."""

    __slots__ = ()

    def _refuse(self, *args, **kwargs):
        raise TypeError(_CLOSED)

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


def register(coll, key):
    """Refuse to extend the codec; RPyC's decorator for that."""

    def add(function):
        coll[key] = function
        return function

    return add


def _dump(obj, stream):
    """Append the bytes of a value to a list of pieces."""
    stream.append(dump(obj))


def dump(obj):
    """Return the bytes of a value; TypeError for one that has no by-value form."""
    return _sinew.brine_dump(obj)


def load(data):
    """Return the value that `dump` made the bytes of; ValueError for anything else."""
    return _sinew.brine_load(data)


def dumpable(obj):
    """Tell whether `dump` takes the value: exact built-in types, tuples and sets of them."""
    return _sinew.brine_dumpable(obj)


_dump_registry = _Registry(
    dict.fromkeys((*simple_types, tuple, frozenset, slice), _dump)  # type: how it is dumped
)
_load_registry = _Registry()


class _Codec(types.ModuleType):
    """This module: what programs assign to it in order to extend the codec would be ignored."""

    def __setattr__(self, name, value):
        if name in ("simple_types", "_dump_registry", "_load_registry", "_dump", "dump", "load"):
            raise TypeError(_CLOSED)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Codec
