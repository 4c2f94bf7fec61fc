"""The configuration of connections: the protocol's keys with their defaults."""

import os

SAFE_ATTRS = frozenset(
    """
    __abs__ __add__ __and__ __bool__ __cmp__ __contains__ __delitem__ __delslice__ __div__
    __divmod__ __doc__ __enter__ __eq__ __exit__ __float__ __floordiv__ __format__ __ge__
    __getitem__ __getslice__ __gt__ __hash__ __hex__ __iadd__ __iand__ __idiv__ __ifloordiv__
    __ilshift__ __imod__ __imul__ __index__ __int__ __invert__ __ior__ __ipow__ __irshift__ __isub__
    __iter__ __itruediv__ __ixor__ __le__ __len__ __length_hint__ __long__ __lshift__ __lt__ __mod__
    __mul__ __ne__ __neg__ __new__ __next__ __nonzero__ __oct__ __or__ __pos__ __pow__ __radd__
    __rand__ __rdiv__ __rdivmod__ __repr__ __rfloordiv__ __rlshift__ __rmod__ __rmul__ __ror__
    __rpow__ __rrshift__ __rshift__ __rsub__ __rtruediv__ __rxor__ __setitem__ __setslice__ __str__
    __sub__ __truediv__ __xor__ next
    """.split()
)

DEFAULT_CONFIG = {
    # What a peer may do with attributes of our objects.
    "allow_safe_attrs": True,
    "allow_exposed_attrs": True,
    "allow_public_attrs": False,
    "allow_all_attrs": False,
    "safe_attrs": set(SAFE_ATTRS),
    "exposed_prefix": "exposed_",
    "allow_getattr": True,
    "allow_setattr": False,
    "allow_delattr": False,
    "allow_pickle": False,
    # Exceptions.
    "include_local_traceback": True,
    "include_local_version": True,
    "instantiate_custom_exceptions": False,
    "import_custom_exceptions": False,
    "instantiate_oldstyle_exceptions": False,
    "propagate_SystemExit_locally": False,
    "propagate_KeyboardInterrupt_locally": True,
    "log_exceptions": True,
    "logger": None,
    # The connection.
    "connid": None,
    "credentials": None,
    "endpoints": None,
    "sync_request_timeout": 30,
    "before_closed": None,
    "close_catchall": False,
    "bind_threads": os.environ.get("RPYC_BIND_THREADS", "false").lower() == "true",
    # Ours: which RPyC to speak, and how much of everything is too much.
    "wire_family": "auto",
    "extensions": True,
    "offer_extensions": True,
    "heartbeat": 5,
    "close_timeout": 1,
    "first_frame_timeout": None,
    "frame_timeout": None,
    "dispatcher": None,
    "max_connections": 10_000,
    "max_connections_per_source": None,
    "max_frame_size": 1 << 30,
    "max_inflated_size": 256 << 20,
    "max_first_frame_size": None,
    "max_depth": 200,
    "max_exports": 10_000_000,
    "max_bad_ids": 1000,
    "max_remote_classes": 100_000,
    "max_class_name": 4096,
    "max_call_depth": 200,
    "max_chunk_items": 10_000,
    "max_unsent_bytes": 64 << 20,
    "max_pending_calls": 1_000_000,
    "max_queued_bytes": 4 << 30,
}
"""Copied for each connection when that is made; changing it changes later connections."""


CAUTIOUS = {"frame_timeout": 30.0}
"""What `sinew.serve` and the programs of Sinew add: limits that stock clients may meet."""


class Watched(dict):
    """A dictionary that calls `_changed()` after each change of it, by whatever method."""

    __slots__ = ()

    def _changed(self):
        raise NotImplementedError


def _telling(name):
    method = getattr(dict, name)

    def change(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        finally:
            self._changed()

    change.__name__ = name
    change.__qualname__ = f"Watched.{name}"
    change.__doc__ = method.__doc__
    return change


for _name in "__setitem__ __delitem__ __ior__ clear pop popitem setdefault update".split():
    setattr(Watched, _name, _telling(_name))


class LiveConfig(Watched):
    """A connection's configuration: read at each use, so a change counts at once.

    The engine keeps what it needs of it and is told about every change. A key that is missing, even
    if it was removed, has its default.
    """

    __slots__ = ("_owner",)

    def __init__(self, owner, values):
        import weakref  # noqa: PLC0415

        super().__init__(values)
        self._owner = weakref.ref(owner)

    def __missing__(self, key):
        return DEFAULT_CONFIG[key]

    def _changed(self):
        owner = self._owner()
        if owner is not None:
            owner._settings_changed()


def misspelt(values):
    """Return a sentence about each key that nothing reads, with the key that may be meant."""
    sentences = []
    for key in values:
        if key in DEFAULT_CONFIG:
            continue
        from difflib import get_close_matches  # noqa: PLC0415 - heavy, and rarely wanted

        near = get_close_matches(str(key), DEFAULT_CONFIG, 1, 0.8)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        sentences.append((f"{key!r} is no key of the configuration{hint}", bool(near)))
    return sentences


def refuse_misspelt(values):
    """Raise ValueError for keys that nothing reads."""
    for sentence, _ in misspelt(values):
        raise ValueError(sentence)


def warn_of_misspelt(values):
    """Warn of keys that look like one that is meant otherwise; others may be the program's own."""
    for sentence, is_near in misspelt(values):
        if is_near:
            import warnings  # noqa: PLC0415

            warnings.warn(sentence, stacklevel=3)
