"""Answers that come later, and calls that do not wait for theirs."""

import threading
import time

from .netrefs import asyncreq, is_netref
from .wire import CALL

AsyncResultTimeout = TimeoutError


class async_:  # noqa: N801 - the name is part of the interface
    """Makes calls of a remote callable return an AsyncResult at once."""

    def __init__(self, proxy):
        if not is_netref(proxy):
            raise TypeError("'proxy' must be a Netref")
        self.proxy = proxy

    def __call__(self, *args, **kwargs):
        return asyncreq(self.proxy, CALL, args, tuple(kwargs.items()))

    def __repr__(self):
        return f"async_({self.proxy!r})"


class timed:  # noqa: N801 - the name is part of the interface
    """Makes calls of a remote callable expire after `timeout` seconds."""

    def __init__(self, func, timeout):
        self.proxy = func if isinstance(func, async_) else async_(func)
        self.timeout = timeout

    def __repr__(self):
        return f"timed({self.proxy.proxy!r}, {self.timeout!r})"

    def __call__(self, *args, **kwargs):
        result = self.proxy(*args, **kwargs)
        result.set_expiry(self.timeout)
        return result


class AsyncResult:
    """The answer to a request, which comes later."""

    def __init__(self, conn, what):
        self._conn = conn
        self._what = what
        self._arrived = None  # (kind, body) as it came; guarded by the connection's turn
        self._waiting = 0  # threads in wait(): one of them settles; guarded by the turn
        self._settling = threading.RLock()
        self._done = False
        self._is_error = False
        self._value = None
        self._deadline = None
        self._timeout = None
        self._callbacks = []

    def __repr__(self):
        state = "ready" if self._done else "pending"
        state = "expired" if self.expired else state
        return f"<AsyncResult object ({state}) at {id(self):#x}>"

    def set_expiry(self, timeout):
        """Have the result expire `timeout` seconds from now; None: never."""
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def add_callback(self, func):
        """Call `func(self)` when the answer is there, at once if it is already."""
        with self._settling:
            if not self._done:
                self._callbacks.append(func)
                return
        func(self)

    def wait(self):
        """Wait for the answer, serving meanwhile; AsyncResultTimeout once the result expired."""
        self._conn._wait_for(self)
        self._settle()
        if self._done and self._arrived[0] is None:
            raise self._value  # there will be no answer
        if not self._done:
            raise AsyncResultTimeout(
                f"result expired: {self._what} was not answered within {self._timeout} s"
            )

    def _settle(self):
        """Turn what arrived into the value; once."""
        with self._settling:
            if self._done or self._arrived is None:
                return
            self._is_error, value = self._conn._open_answer(*self._arrived)
            if self.expired:
                return  # too late; what it brought was counted, and goes back
            self._value, self._done = value, True
            callbacks, self._callbacks = self._callbacks, []
        for func in callbacks:
            func(self)

    @property
    def ready(self):
        """Whether the answer is there; looks for it once."""
        if not self._done and not self.expired:
            try:
                self._conn.serve(0)
            except EOFError:
                pass
            self._settle()
        return self._done

    @property
    def error(self):
        """Whether the answer is there and is an exception."""
        return self.ready and self._is_error

    @property
    def expired(self):
        """Whether time is up and there is no answer."""
        return not self._done and self._deadline is not None and time.monotonic() >= self._deadline

    @property
    def value(self):
        """The result; waits for it, and raises it if it is an exception."""
        self.wait()
        if self._is_error:
            raise self._value
        return self._value
