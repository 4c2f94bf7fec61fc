"""The tables of a connection, by RPyC's private names.

The tables themselves are the engine's. What is here looks at them as they are at that moment.
"""

from functools import partial

from .config import Watched
from .requests import METHODS


def _refuse(number, conn, *args):
    raise KeyError(number)


class Handlers(Watched):
    """What serves the requests of a connection, by number: `_HANDLERS`.

    It starts with the methods of the connection's class. `conn._HANDLERS[number] = function` has
    `function(conn, *args)` serve that request from now on; the number may be the program's own. A
    request whose entry is removed is refused. What nobody has touched stays with the engine.
    """

    __slots__ = ("_conn",)

    def __init__(self, conn, functions):
        import weakref  # noqa: PLC0415

        super().__init__(functions)
        self._conn = weakref.ref(conn)
        self._changed()

    def _changed(self):
        conn = self._conn()
        if conn is None:
            return
        kind = type(conn)
        for number, name in METHODS.items():
            function = self.get(number)
            if function is None:
                function = partial(_refuse, number)
            elif function == getattr(kind, name):
                function = None
            conn._set_override(number, function)


class LocalObjects:
    """Objects of ours that the peer holds: `_local_objects`.

    `_dict` is what it is at this moment: (object, how often it was sent beyond once) by id.
    """

    __slots__ = ("_conn",)

    def __init__(self, conn):
        self._conn = conn

    @property
    def _dict(self):
        return {key: [obj, count - 1] for key, obj, count in self._conn._exports()}

    def __len__(self):
        return self._conn.counts()["exports"]

    def __iter__(self):
        return iter(self._dict)

    def __repr__(self):
        return repr(self._dict)

    def __contains__(self, key):
        try:
            self[key]
        except KeyError:
            return False
        return True

    def __getitem__(self, key):
        return self._conn._exported(key)

    def add(self, key, obj):
        """Refused: the numbers in ids are given by the engine; `conn._box(obj)` lends an object."""
        raise TypeError("ids are the engine's to give: conn._box(obj) lends an object to the peer")

    def decref(self, key, count=1):
        """Let go of what was sent `count` times; KeyError if the peer does not hold it."""
        self._conn._release(key, count)

    def clear(self):
        """Let go of everything that the peer holds."""
        for key, _, count in self._conn._exports():
            self._conn._release(key, count)


class ProxyCache:
    """The living netrefs of a connection by their ids: `_proxy_cache`."""

    __slots__ = ("_conn",)

    def __init__(self, conn):
        self._conn = conn

    @property
    def _dict(self):
        return {netref_id(netref): netref for netref in self._conn._imports()}

    def __len__(self):
        return self._conn.counts()["imports"]

    def __iter__(self):
        return iter(self._dict)

    def __repr__(self):
        return repr(list(self._dict))  # the netrefs would be asked for theirs

    def __contains__(self, key):
        return key in self._dict

    def __getitem__(self, key):
        return self._dict[key]

    def get(self, key, default=None):
        """Return the netref of that id, or `default` if there is none."""
        return self._dict.get(key, default)

    def keys(self):
        """Return the ids."""
        return list(self._dict)

    def values(self):
        """Return the netrefs."""
        return list(self._dict.values())

    def items(self):
        """Return (id, netref) of each."""
        return list(self._dict.items())

    iterkeys = __iter__

    def itervalues(self):
        """Iterate over the netrefs."""
        return iter(self.values())

    def iteritems(self):
        """Iterate over (id, netref) of each."""
        return iter(self.items())

    def __setitem__(self, key, netref):
        """Have `netref`, which the program made, stand for the object that the peer has lent."""
        if netref_id(netref) != key:
            raise ValueError("a netref is found by its own id")
        self._conn._adopt(netref)


def netref_id(netref):
    """Return the id of a netref without asking the peer."""
    return object.__getattribute__(netref, "____id_pack__")


class RequestCallbacks:
    """Who gets the answers of requests that are under way, by their numbers: `_request_callbacks`.

    It has the entries of requests that `_async_request` has sent; its length counts all, those that
    the engine sends and matches by itself, too.
    """

    __slots__ = ("_conn",)

    def __init__(self, conn):
        self._conn = conn

    def __len__(self):
        return max(len(self._conn._callbacks), self._conn.counts()["questions"])

    def __repr__(self):
        return repr(self._conn._callbacks)

    def __getattr__(self, name):
        return getattr(self._conn._callbacks, name)

    def __iter__(self):
        return iter(self._conn._callbacks)

    def __contains__(self, seq):
        return seq in self._conn._callbacks

    def __getitem__(self, seq):
        return self._conn._callbacks[seq]

    def __setitem__(self, seq, callback):
        self._conn._callbacks[seq] = callback

    def __delitem__(self, seq):
        del self._conn._callbacks[seq]


class SequenceNumbers:
    """The numbers of requests: `next(conn._seqcounter)` takes one."""

    __slots__ = ("_conn",)

    def __init__(self, conn):
        self._conn = conn

    def __iter__(self):
        return self

    def __next__(self):
        return self._conn._get_seq_id()
