"""What each request of the peer does: the methods of a connection that serve them.

The engine does the common ones itself, in C++, and calls no method for them. One that a program has
put its own in the place of is called instead, so that what it refuses is refused; it may call the
one it replaced, `super()._handle_getattr(obj, name)`, which does what the engine does. Names and
signatures are those of RPyC 6.
"""

import sys
from itertools import islice

from sinew._sinew import Connection as _EngineConnection

from . import consts, netref

METHODS = {
    consts.HANDLE_PING: "_handle_ping",
    consts.HANDLE_CLOSE: "_handle_close",
    consts.HANDLE_GETROOT: "_handle_getroot",
    consts.HANDLE_GETATTR: "_handle_getattr",
    consts.HANDLE_DELATTR: "_handle_delattr",
    consts.HANDLE_SETATTR: "_handle_setattr",
    consts.HANDLE_CALL: "_handle_call",
    consts.HANDLE_CALLATTR: "_handle_callattr",
    consts.HANDLE_REPR: "_handle_repr",
    consts.HANDLE_STR: "_handle_str",
    consts.HANDLE_CMP: "_handle_cmp",
    consts.HANDLE_HASH: "_handle_hash",
    consts.HANDLE_DIR: "_handle_dir",
    consts.HANDLE_PICKLE: "_handle_pickle",
    consts.HANDLE_DEL: "_handle_del",
    consts.HANDLE_INSPECT: "_handle_inspect",
    consts.HANDLE_BUFFITER: "_handle_buffiter",
    consts.HANDLE_OLDSLICING: "_handle_oldslicing",
    consts.HANDLE_CTXEXIT: "_handle_ctxexit",
    consts.HANDLE_INSTANCECHECK: "_handle_instancecheck",
}
"""The method that serves a request, by the request's number."""


class ServingConnection(_EngineConnection):
    """A connection with a method for each request."""

    __module__ = "rpyc.core.protocol"

    @classmethod
    def _request_handlers(cls):
        """Return what a connection's `_HANDLERS` starts with: function by request number."""
        return {number: getattr(cls, name) for number, name in METHODS.items()}

    def _serve_request(self, handler, args):
        """Serve a request; KeyError if nobody does."""
        function = self._HANDLERS[handler]
        name = METHODS.get(handler)
        if name is not None and function == getattr(type(self), name):
            return getattr(self, name)(*args)  # it may have been assigned to this connection alone
        return function(self, *args)

    # -- attributes ---------------------------------------------------------------------------

    def _access_attr(self, obj, name, args, overrider, param, default):
        """Do `default(obj, name, *args)` on behalf of the peer.

        `overrider` names the method by which an object may decide for itself, and `param` the key
        of the configuration that `_check_attr` goes by for all others.
        """
        if type(name) is bytes:
            name = name.decode("utf8")
        elif type(name) is not str:
            raise TypeError("name must be a string")
        own = getattr(type(obj), overrider, None)
        if own is not None:
            return own(obj, name, *args)
        return default(obj, self._check_attr(obj, name, param), *args)

    def _handle_getattr(self, obj, name):
        return self._access_attr(obj, name, (), "_rpyc_getattr", "allow_getattr", getattr)

    def _handle_setattr(self, obj, name, value):
        return self._access_attr(obj, name, (value,), "_rpyc_setattr", "allow_setattr", setattr)

    def _handle_delattr(self, obj, name):
        return self._access_attr(obj, name, (), "_rpyc_delattr", "allow_delattr", delattr)

    # -- calls --------------------------------------------------------------------------------

    def _handle_call(self, obj, args, kwargs=()):
        return obj(*args, **dict(kwargs))

    def _handle_callattr(self, obj, name, args, kwargs=()):
        return self._handle_call(self._handle_getattr(obj, name), args, kwargs)

    def _handle_cmp(self, obj, other, op="__cmp__"):
        kind = type(obj)
        compare = self._access_attr(kind, op, (), "_rpyc_getattr", "allow_getattr", getattr)
        return compare(obj, other)

    def _handle_buffiter(self, obj, count):
        most = self._config["max_chunk_items"]
        return tuple(islice(obj, max(0, min(count, most))))

    def _handle_oldslicing(self, obj, attempt, fallback, start, stop, args):
        try:
            return self._handle_getattr(obj, attempt)(slice(start, stop), *args)
        except Exception:
            if stop is None:
                stop = sys.maxsize
            return self._handle_getattr(obj, fallback)(start, stop, *args)

    def _handle_ctxexit(self, obj, exc):
        leave = self._handle_getattr(obj, "__exit__")
        if exc is None:
            return leave(None, None, None)
        try:
            # A peer of ours describes the exception; stock sends its class, of which nobody can
            # make the exception that it was.
            raise (
                self._unbox_exc(exc)
                if isinstance(exc, (tuple, int))
                else TypeError("exceptions must derive from BaseException")
            )
        except BaseException:
            return leave(*sys.exc_info())

    # -- looking ------------------------------------------------------------------------------

    def _handle_repr(self, obj):
        return repr(obj)

    def _handle_str(self, obj):
        return str(obj)

    def _handle_hash(self, obj):
        return hash(obj)

    def _handle_dir(self, obj):
        return tuple(dir(obj))

    def _handle_inspect(self, id_pack):
        obj = self._exported(id_pack)
        if isinstance(obj, netref.BaseNetref):  # of another connection: its owner knows
            owner = object.__getattribute__(obj, "____conn__")
            id_pack = object.__getattribute__(obj, "____id_pack__")
            return owner.sync_request(consts.HANDLE_INSPECT, id_pack)
        describe = getattr(type(obj), "_sinew_methods", None)
        if describe is not None:  # it stands for another object (sinew.exposing)
            return tuple(describe(obj))
        from sinew.rpyc.lib import get_methods  # noqa: PLC0415

        return tuple(get_methods(netref.LOCAL_ATTRS, obj))

    def _handle_instancecheck(self, obj, other_id_pack):
        return isinstance(self._exported(other_id_pack), obj)

    def _handle_pickle(self, obj, proto):
        if not self._config["allow_pickle"]:
            raise ValueError(
                "pickling is disabled; who serves the object may allow it: "
                'protocol_config={"allow_pickle": True}'
            )
        import pickle  # noqa: PLC0415

        return bytes(pickle.dumps(obj, proto))

    # -- the connection -----------------------------------------------------------------------

    def _handle_ping(self, data):
        return data

    def _handle_getroot(self):
        return self._local_root

    def _handle_del(self, obj, count=1):
        self._release(self._export_id(obj), count)

    def _handle_close(self):
        self._closed_by_peer()
