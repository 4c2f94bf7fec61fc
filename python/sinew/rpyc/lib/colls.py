"""The collections of a connection: weak values by key, and objects with counts.

Connections of Sinew keep their tables in the engine; these classes serve programs and tests that
use them by their RPyC names.
"""

import threading
import weakref


class WeakValueDict:
    """A dictionary whose entries go when their values do."""

    __module__ = "rpyc.lib.colls"
    __slots__ = ("_dict",)

    def __init__(self):
        self._dict = weakref.WeakValueDictionary()

    def __repr__(self):
        return repr(dict(self._dict))

    def __iter__(self):
        return self.iterkeys()

    def __len__(self):
        return len(self._dict)

    def __contains__(self, key):
        return key in self._dict

    def get(self, key, default=None):
        """Return the value of `key`, or `default` if it has none any more."""
        return self._dict.get(key, default)

    def __getitem__(self, key):
        return self._dict[key]

    def __setitem__(self, key, value):
        self._dict[key] = value

    def __delitem__(self, key):
        del self._dict[key]

    def iterkeys(self):
        """Iterate over the keys that still have a value."""
        return iter(self.keys())

    def keys(self):
        """Return the keys that still have a value."""
        return list(self._dict.keys())

    def itervalues(self):
        """Iterate over the living values."""
        return iter(self.values())

    def values(self):
        """Return the living values."""
        return list(self._dict.values())

    def iteritems(self):
        """Iterate over the living entries."""
        return iter(self.items())

    def items(self):
        """Return the living entries."""
        return list(self._dict.items())

    def clear(self):
        """Forget every entry."""
        self._dict.clear()


class RefCountingColl:
    """Keeps objects alive until they have been given back as often as they were added.

    threads: any
    """

    __module__ = "rpyc.lib.colls"
    __slots__ = ("_dict", "_lock")

    def __init__(self):
        self._lock = threading.Lock()
        self._dict = {}  # guarded by _lock; key: [object, times added after the first]

    def add(self, key, obj):
        """Add `obj` under `key`, or count once more if the key is there."""
        with self._lock:
            slot = self._dict.setdefault(key, [obj, -1])
            slot[1] += 1

    def clear(self):
        """Forget everything."""
        with self._lock:
            dropped, self._dict = self._dict, {}
        del dropped  # destructors run without the lock

    def decref(self, key, count=1):
        """Give `key` back `count` times; KeyError if it is not there."""
        dropped = None
        with self._lock:
            slot = self._dict[key]
            if slot[1] < count:
                dropped = self._dict.pop(key)
            else:
                slot[1] -= count
        del dropped  # as above

    def __getitem__(self, key):
        with self._lock:
            return self._dict[key][0]
