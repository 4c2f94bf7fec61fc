"""Numbers, names and options of RPyC's wire. docs/protocols/rpyc.md describes it."""

__version__ = RPYC_VERSION = "6.0.2"  # peers compare the first number

REQUEST, REPLY, EXCEPTION = 1, 2, 3
VALUE, TUPLE, LOCAL_REF, REMOTE_REF = 1, 2, 3, 4
PING, CLOSE, GETROOT, GETATTR, DELATTR, SETATTR, CALL, CALLATTR, REPR, STR = range(1, 11)
CMP, HASH, DIR, PICKLE, DEL, INSPECT, BUFFITER, OLDSLICING, CTXEXIT, INSTANCECHECK = range(11, 21)
HANDLER_NAMES = (
    "ping close getroot getattr delattr setattr call callattr repr str cmp hash dir pickle del"
    " inspect buffiter oldslicing ctxexit instancecheck"
).split()

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
    "include_local_traceback": True,
    "include_local_version": True,
    "instantiate_custom_exceptions": False,
    "import_custom_exceptions": False,
    "instantiate_oldstyle_exceptions": False,
    "propagate_SystemExit_locally": False,
    "propagate_KeyboardInterrupt_locally": True,
    "log_exceptions": True,
    "logger": None,
    "connid": None,
    "credentials": None,
    "endpoints": None,
    "sync_request_timeout": 30,
    "before_closed": None,
    "close_catchall": False,
    # Not RPyC's: as in docs/porting.md. Bytes, counts, seconds.
    "wire_family": "auto",
    "close_timeout": 1,
    "max_connections": 10000,
    "max_frame_size": 1 << 30,
    "max_inflated_size": 256 << 20,
    "max_depth": 200,
    "max_int_digits": 4300,  # what CPython from 3.11 on allows by itself
    "max_exports": 10000000,
    "max_bad_ids": 1000,
    "max_remote_classes": 100000,
    "max_class_name": 4096,
    "max_call_depth": 200,
    "max_chunk_items": 10000,
    "max_pending_calls": 1000000,
    "max_queued_bytes": 4 << 30,
}


class ProtocolError(ValueError):
    """The peer sent what no peer may send: the connection ends."""


class LimitError(ProtocolError):
    """The peer exceeded an option of this side; `limit` is its key."""

    def __init__(self, limit, text):
        super().__init__(f"{text}: {limit}")
        self.limit = limit


class GuessingError(EOFError):
    """The peer uses ids that name nothing, again and again: the connection ends."""


class PingError(Exception):
    """The answer to a ping was not what was sent."""
