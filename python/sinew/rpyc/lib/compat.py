"""Names that bridged Python 2 and 3. Peers import this module by name, so they stay."""

import select
import sys
from io import BytesIO
from struct import Struct

from sinew.rpyc import _lazy

is_py_3k = True
is_py_gte37 = is_py_gte38 = is_py_gte310 = True
is_py_gte311 = sys.version_info >= (3, 11)

BytesIO, Struct = BytesIO, Struct  # noqa: PLW0127 - kept names
TimeoutError = TimeoutError  # noqa: A001, PLW0127
callable = callable  # noqa: A001, PLW0127
execute = exec
maxint = sys.maxsize
next = next  # noqa: A001, PLW0127
select_error = select.error
select_module = select

# `obtain` and `deliver` of a peer ask for `pickle` here.
__getattr__, __dir__ = _lazy.lazily(__name__, {"pickle": "lib._pickle:pickle"})


def BYTES_LITERAL(text):  # noqa: N802 - the name is part of the interface
    """Return text as bytes."""
    return bytes(text, "utf8")


def get_exc_errno(exc):
    """Return the error number of an exception, or its first argument."""
    return exc.errno if hasattr(exc, "errno") else exc.args[0]


_FLAGS = {
    "r": select.POLLIN | select.POLLPRI,
    "w": select.POLLOUT,
    "e": select.POLLERR,
    "h": select.POLLHUP,
    "n": select.POLLNVAL,
}


class PollingPoll:
    """`select.poll` with letters for modes: r(ead), w(rite), e(rror), h(angup), n(ot open)."""

    __module__ = "rpyc.lib.compat"

    def __init__(self):
        self._poll = select.poll()

    def register(self, fd, mode):
        """Watch `fd` for the modes whose letters are in `mode`."""
        self._poll.register(fd, _flags(mode))

    modify = register

    def unregister(self, fd):
        """Watch `fd` no longer."""
        self._poll.unregister(fd)

    def poll(self, timeout=None):
        """Return (fd, letters) of what happened within `timeout` seconds (None: no limit)."""
        if timeout is not None:
            timeout = max(0, timeout * 1000)
        return [(fd, _letters(events)) for fd, events in self._poll.poll(timeout)]


def _flags(mode):
    flags = 0
    for letter in mode:
        flags |= _FLAGS[letter]
    return flags


def _letters(events):
    return "".join(letter for letter, flag in _FLAGS.items() if events & flag)


class poll(PollingPoll):  # noqa: N801 - the name is part of the interface
    """The way of polling that this platform has."""

    __module__ = "rpyc.lib.compat"


def with_metaclass(meta, *bases):
    """Return a class of metaclass `meta` to derive from."""
    return meta("temporary_class", bases or (object,), {})


def acquire_lock(lock, blocking, timeout):
    """Acquire a lock, waiting at most until the `Timeout`; tell whether it worked."""
    if blocking and timeout.finite:
        return lock.acquire(True, timeout.timeleft())
    return lock.acquire(blocking)
