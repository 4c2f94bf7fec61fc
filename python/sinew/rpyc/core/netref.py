"""Netrefs: proxies for objects of the peer, and the classes that they are made of.

What a netref does is in the engine. This module makes its class: one per remote class and
connection, with the names, docstrings and special methods of the remote class, so that
`callable`, `iter` and their kin say the same of the proxy as of the object.
"""

import builtins
import sys
import types

from sinew._sinew import (
    AsyncResult,
    BaseNetref,
    NetrefMetaclass,
    RemoteMethod,
    new_netref_class,
    set_local_names,
)

from . import consts

__all__ = [
    "LOCAL_ATTRS",
    "AsyncResult",
    "BaseNetref",
    "NetrefClass",
    "NetrefMetaclass",
    "asyncreq",
    "builtin_classes_cache",
    "builtin_id_pack_cache",
    "class_factory",
    "syncreq",
]

maxint = sys.maxsize

DELETED_ATTRS = frozenset(("__array_struct__", "__array_interface__"))

LOCAL_ATTRS = frozenset(
    """
    ____conn__ ____id_pack__ ____refcount__ __class__ __cmp__ __del__ __delattr__ __dir__ __doc__
    __eq__ __exit__ __ge__ __getattr__ __getattribute__ __gt__ __hash__ __init__
    __instancecheck__ __le__ __lt__ __metaclass__ __methods__ __module__ __ne__ __new__ __reduce__
    __reduce_ex__ __repr__ __setattr__ __slots__ __str__ __weakref__ __dict__
    """.split()
    + list(DELETED_ATTRS)
)
"""Names that describe the proxy rather than the object: INSPECT leaves them out."""

# Memory cannot be shared with another process, an array is fetched by value (_array below), and the
# rest concerns only who makes a class.
_NOT_PROXIED = frozenset(
    (
        "__array__",
        "__buffer__",
        "__release_buffer__",
        "__classcell__",
        "__init_subclass__",
        "__qualname__",
    )
)

# `__doc__` and `__dict__` are the object's after all; these two are looked up on the class.
set_local_names((LOCAL_ATTRS | {"__call__", "__array__"}) - {"__doc__", "__dict__"})

# Classes whose netref needs no question to the peer: they are the same everywhere. Stock knows the
# first group; the second differs in nothing between versions that a proxy could show.
_KNOWN_TYPES = (
    *(type, object, bool, complex, dict, float, int, list, slice, str, tuple, set, frozenset),
    *(BaseException, Exception, type(None), types.BuiltinFunctionType, types.GeneratorType),
    *(types.MethodType, types.CodeType, types.FrameType, types.TracebackType, types.ModuleType),
    *(types.FunctionType, types.MappingProxyType, type(int.__add__), type((1).__add__)),
    *(type(iter([])), type(iter(())), type(iter(set())), bytes, bytearray),
    *(type(iter(range(0))), memoryview),
    *(range, type({}.keys()), type({}.values()), type({}.items()), type(iter({}.keys()))),
    *(type(iter({}.values())), type(iter({}.items())), type(iter("")), type(iter(b""))),
    *(enumerate, zip, map, filter, reversed, property, staticmethod, classmethod),
    *(type(object.__dict__["__class__"]), type(str.join)),
)
_KNOWN_BY_NAME = {f"{kind.__module__}.{kind.__name__}": kind for kind in _KNOWN_TYPES}


def syncreq(proxy, handler, *args):
    """Send a request about a netref and return what it is answered with."""
    return object.__getattribute__(proxy, "____conn__").sync_request(handler, proxy, *args)


def asyncreq(proxy, handler, *args):
    """Send a request about a netref and return an AsyncResult."""
    return object.__getattribute__(proxy, "____conn__").async_request(handler, proxy, *args)


class NetrefClass:
    """The `__class__` of netrefs to instances of a class that this side has, too."""

    __module__ = "rpyc.core.netref"
    __slots__ = ("_class_obj",)

    def __init__(self, class_obj):
        self._class_obj = class_obj

    @property
    def instance(self):
        """The class of the remote object, as this side has it."""
        return self._class_obj

    @property
    def owner(self):
        """The class of that class."""
        return self._class_obj.__class__

    def __get__(self, netref_instance, netref_owner):
        return self.owner if netref_instance is None else self.instance


def _local_class(name):
    """Return the class that `module.Class` names here; None if its module is not loaded or has
    no such class."""
    known = _KNOWN_BY_NAME.get(name)
    if known is not None:
        return known
    module, _, cls = name.rpartition(".")
    # Through the dictionaries: a lookup that runs code is not the peer's to cause.
    namespace = (
        vars(builtins) if module == "builtins" else getattr(sys.modules.get(module), "__dict__", {})
    )
    found = namespace.get(cls)
    return found if isinstance(found, type) else None


def class_factory(id_pack, methods):
    """Return the netref class of an object.

    `id_pack` is its name on the wire and `methods` are the (name, docstring) pairs of its
    methods. The class object itself (instance id 0) is an instance of its metaclass.
    """
    name, _, instance_id = id_pack
    attributes = {"__slots__": (), "__module__": "rpyc.core.netref"}
    for method, doc in methods:
        if method not in LOCAL_ATTRS and method not in _NOT_PROXIED:
            attributes[method] = RemoteMethod(method, doc)
    if instance_id == 0:
        local = type
    elif name in sys.modules:  # a module is named by itself
        local = types.ModuleType
    else:
        local = _local_class(name)
    if local is not None:
        attributes["__class__"] = NetrefClass(local)
    return new_netref_class(name, attributes)


class _KnownClasses(dict):
    """The netref classes of known types by name, each made when it is first wanted."""

    def __missing__(self, name):
        methods = _routines(_KNOWN_BY_NAME[name].__mro__)
        made = self[name] = class_factory((name, None, None), methods)
        return made

    def __contains__(self, name):
        return name in _KNOWN_BY_NAME


def known_class_object(name):
    """Return the netref class of a known type itself: of `list`, not of a list."""
    kind = _KNOWN_BY_NAME[name]
    return class_factory((name, None, 0), _routines(type(kind).__mro__ + kind.__mro__))


def _routines(kinds):
    """Return (name, docstring) for the methods of classes, the first of a name in their order."""
    import inspect  # noqa: PLC0415 - a third of the time of an import

    members = {}
    for kind in reversed(kinds):
        members.update(vars(kind))
    return [
        (name, inspect.getdoc(member))
        for name, member in members.items()
        if inspect.isroutine(member)
    ]


builtin_classes_cache = _KnownClasses()
builtin_id_pack_cache = {}


# ---------------------------------------------------------------------------------------------
# The rest of BaseNetref: what is rare, or exists in Python only.


def _dir(self):
    return list(syncreq(self, consts.HANDLE_DIR))


def _exit(self, exc, typ, tb):
    """Leave the remote context. A peer of ours learns the exception itself; stock only that there
    was one, as it always does (docs/porting.md)."""
    return syncreq(self, consts.HANDLE_CTXEXIT, _describe(exc, typ, tb))


def _describe(exc_type, exc, tb):
    if exc_type is None:
        return None
    from . import vinegar  # noqa: PLC0415

    return vinegar.dump(exc_type, exc, tb, True, True)


def _reduce_ex(self, protocol):
    """Pickle by value: the peer pickles the object, and it is unpickled here."""
    import pickle  # noqa: PLC0415

    conn = object.__getattribute__(self, "____conn__")
    conn._require_unpickling()
    return pickle.loads, (syncreq(self, consts.HANDLE_PICKLE, protocol),)


def _array(self, dtype=None, copy=None):
    """Return the object as a NumPy array, by value."""
    conn = object.__getattribute__(self, "____conn__")
    conn._require_unpickling()
    import pickle  # noqa: PLC0415

    # Allowed by this side's own configuration: checked above.
    array = pickle.loads(syncreq(self, consts.HANDLE_PICKLE, -1))  # noqa: S301
    if not hasattr(array, "__array__"):  # a list, say
        import numpy  # noqa: ICN001, PLC0415, RUF100

        return numpy.asarray(array, dtype)
    return array.__array__() if dtype is None else array.__array__(dtype)


def _instancecheck(self, other):
    """Answer `isinstance(other, self)` for a remote class."""
    if not isinstance(other, BaseNetref):
        return False
    mine, its = (
        object.__getattribute__(self, "____id_pack__"),
        object.__getattribute__(other, "____id_pack__"),
    )
    if its[2] != 0 and its[:2] == mine[:2]:
        return True
    if object.__getattribute__(self, "____conn__") is not object.__getattribute__(
        other, "____conn__"
    ):
        return False
    return syncreq(self, consts.HANDLE_INSTANCECHECK, its)


for _name, _function in (
    ("__dir__", _dir),
    ("__exit__", _exit),
    ("__reduce_ex__", _reduce_ex),
    ("__array__", _array),
    ("__instancecheck__", _instancecheck),
):
    _function.__name__ = _name
    _function.__qualname__ = f"BaseNetref.{_name}"
    setattr(BaseNetref, _name, _function)
