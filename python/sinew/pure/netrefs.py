"""Proxies for objects of the peer, and the classes that they are made of."""

import pickle
import sys
import types

from .errors import dump_exception
from .wire import (
    BUFFITER,
    CALL,
    CALLATTR,
    CMP,
    CTXEXIT,
    DELATTR,
    DIR,
    GETATTR,
    HASH,
    INSTANCECHECK,
    PICKLE,
    REPR,
    SETATTR,
    STR,
)

LOCAL_ATTRS = frozenset(
    """
    ____conn__ ____id_pack__ ____refcount__ __array_interface__ __array_struct__ __class__ __cmp__
    __del__ __delattr__ __dict__ __dir__ __doc__ __eq__ __exit__ __ge__ __getattr__ __getattribute__
    __gt__ __hash__ __init__ __instancecheck__ __le__ __lt__ __metaclass__ __methods__ __module__
    __ne__ __new__ __reduce__ __reduce_ex__ __repr__ __setattr__ __slots__ __str__ __weakref__
    """.split()
)
# Memory cannot be shared with another process; the rest concerns only who makes a class.
_NOT_PROXIED = LOCAL_ATTRS | set(
    """
    __array__ __buffer__ __call__ __class_getitem__ __classcell__ __init_subclass__ __prepare__
    __qualname__ __release_buffer__ __set_name__ __subclasshook__
    """.split()
)
# Classes that are the same everywhere: nobody asks about their objects.
KNOWN_TYPES = {
    f"{kind.__module__}.{kind.__name__}": kind
    for kind in (
        *(type, object, bool, complex, dict, float, int, list, slice, str, tuple, set, frozenset),
        *(BaseException, Exception, type(None), type(len), types.GeneratorType, types.MethodType),
        *(types.CodeType, types.FrameType, types.TracebackType, types.ModuleType),
        *(types.FunctionType, types.MappingProxyType, type(int.__add__), type((1).__add__)),
        *(type(iter([])), type(iter(())), type(iter(set())), bytes, bytearray),
        *(type(iter(range(0))), memoryview),
    )
}
# Iterating over these has no effect that anybody sees, so it may be done in chunks.
_READ_AHEAD = frozenset(
    "builtins." + name
    for name in "list tuple dict set frozenset str bytes bytearray range"
    " dict_keys dict_values dict_items mappingproxy".split()
)
get_local = object.__getattribute__


def syncreq(proxy, handler, *args):
    """Send a request about a proxy and return what it is answered with."""
    return get_local(proxy, "____conn__").sync_request(handler, proxy, *args)


def asyncreq(proxy, handler, *args):
    """Send a request about a proxy and return an AsyncResult."""
    return get_local(proxy, "____conn__").async_request(handler, proxy, *args)


class NetrefMetaclass(type):
    """The class of the classes of proxies."""

    def __repr__(cls):
        return f"<netref class {cls.__name__!r}>"


class BaseNetref(metaclass=NetrefMetaclass):
    """A proxy: stands for an object of the peer, and does there what is done to it here."""

    __slots__ = ("____conn__", "____id_pack__", "____refcount__", "__weakref__")

    def __init__(self, conn, id_pack):
        set_local = object.__setattr__
        set_local(self, "____conn__", conn)
        set_local(self, "____id_pack__", id_pack)
        set_local(self, "____refcount__", 1)

    def __del__(self):
        try:
            conn = get_local(self, "____conn__")
            conn._give_back(get_local(self, "____id_pack__"), get_local(self, "____refcount__"))
        except Exception:  # a finaliser: the connection is gone, or the interpreter ends
            pass

    def __getattribute__(self, name):
        if name == "__class__":
            local = get_local(self, "_sinew_class")
            return syncreq(self, GETATTR, name) if local is None else local
        if name in LOCAL_ATTRS and name not in ("__doc__", "__dict__"):
            return get_local(self, name)
        if name in ("__call__", "__array__"):
            return get_local(self, name)
        return syncreq(self, GETATTR, name)

    _sinew_class = None

    def __setattr__(self, name, value):
        syncreq(self, SETATTR, name, value)

    def __delattr__(self, name):
        syncreq(self, DELATTR, name)

    def __dir__(self):
        return list(syncreq(self, DIR))

    def __hash__(self):
        return syncreq(self, HASH)

    def __eq__(self, other):
        return syncreq(self, CMP, other, "__eq__")

    def __ne__(self, other):
        return syncreq(self, CMP, other, "__ne__")

    def __lt__(self, other):
        return syncreq(self, CMP, other, "__lt__")

    def __le__(self, other):
        return syncreq(self, CMP, other, "__le__")

    def __gt__(self, other):
        return syncreq(self, CMP, other, "__gt__")

    def __ge__(self, other):
        return syncreq(self, CMP, other, "__ge__")

    def __repr__(self):
        return syncreq(self, REPR)

    def __str__(self):
        return syncreq(self, STR)

    def __exit__(self, kind, error, tb):
        # A peer of ours learns the exception; stock only that there was one, as it always does.
        described = None if kind is None else dump_exception(kind, error, tb)
        return syncreq(self, CTXEXIT, described)

    def __reduce_ex__(self, protocol):
        get_local(self, "____conn__")._require_unpickling()
        return pickle.loads, (syncreq(self, PICKLE, protocol),)

    def __array__(self, dtype=None, copy=None):
        get_local(self, "____conn__")._require_unpickling()
        # Allowed by this side's own configuration: checked above.
        array = pickle.loads(syncreq(self, PICKLE, -1))  # noqa: S301
        return array.__array__() if dtype is None else array.__array__(dtype)

    def __instancecheck__(self, other):
        mine = get_local(self, "____id_pack__")
        if mine[2] != 0:
            raise TypeError("isinstance() arg 2 must be a class, type, or tuple of them")
        if not is_netref(other):
            known = KNOWN_TYPES.get(mine[0])
            return known is not None and isinstance(other, known)
        its = get_local(other, "____id_pack__")
        if its[2] != 0 and its[1] == mine[1]:
            return True
        if get_local(other, "____conn__") is not get_local(self, "____conn__"):
            return False
        return syncreq(self, INSTANCECHECK, its)


def is_netref(obj):
    """Tell whether an object is a proxy, without asking the peer what its class is."""
    return issubclass(type(obj), BaseNetref)


def _call_remote(self, *args, **kwargs):
    return syncreq(self, CALL, args, tuple(kwargs.items()))


def _special_method(name):
    def method(self, *args, **kwargs):
        return syncreq(self, CALLATTR, name, args, tuple(kwargs.items()))

    method.__name__ = name
    return method


def netref_class(name, is_class, methods):
    """Return the class of proxies whose remote class has the methods."""
    body = {"__slots__": (), "__module__": "rpyc.core.netref"}
    for method in methods:
        special = method.startswith("__") and method.endswith("__")
        if special and method not in _NOT_PROXIED:
            body[method] = _special_method(method)
        elif method == "__call__":
            body[method] = _call_remote
    if name in _READ_AHEAD and not is_class and "__iter__" in body:
        body["__iter__"] = buffiter
    body["_sinew_class"] = type if is_class else _local_class(name)
    return NetrefMetaclass(name, (BaseNetref,), body)


def _local_class(name):
    """Return the class that `module.Class` names here, or None."""
    if name in KNOWN_TYPES:
        return KNOWN_TYPES[name]
    if name in sys.modules:  # a module is named by itself
        return types.ModuleType
    module, _, name = name.rpartition(".")
    found = getattr(sys.modules.get(module), "__dict__", {}).get(name)
    return found if isinstance(found, type) else None


def routines(obj, is_class):
    """Return {name: doc} of the methods of an object's class, or of a class and its metaclass."""
    import inspect  # noqa: PLC0415 - it takes longer than all the rest

    kinds = list(reversed(type(obj).__mro__))
    if is_class and isinstance(obj, type):
        kinds += reversed(obj.__mro__)
    members = {}
    for kind in kinds:
        members.update(vars(kind))
    return {
        name: inspect.getdoc(member)
        for name, member in members.items()
        if name not in LOCAL_ATTRS and inspect.isroutine(member)
    }


def buffiter(obj, chunk=10, max_chunk=1000, factor=2):
    """Iterate over a remote object in chunks of `chunk` items, which grow to `max_chunk`."""
    if chunk < 1 or max_chunk < 1 or factor < 1:
        raise ValueError("chunk, max_chunk and factor must be at least 1")
    if not is_netref(obj):
        yield from obj
        return
    iterator = syncreq(obj, CALLATTR, "__iter__", (), ())
    while True:
        items = syncreq(iterator, BUFFITER, chunk)
        if not items:
            return
        yield from items
        chunk = min(chunk * factor, max_chunk)
