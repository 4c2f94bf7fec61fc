"""Helpers around netrefs: asynchronous calls, chunked iteration, views, background serving."""

import threading

from sinew._sinew import buffered_iterator
from sinew.rpyc.core.consts import HANDLE_BUFFITER, HANDLE_CALL  # noqa: F401 - stock has them here
from sinew.rpyc.core.netref import BaseNetref, asyncreq, syncreq  # noqa: F401
from sinew.rpyc.lib import spawn
from sinew.rpyc.lib.colls import WeakValueDict


def buffiter(obj, chunk=10, max_chunk=1000, factor=2):
    """Iterate over a remote iterable, fetching many items in each round trip.

    The first chunk has `chunk` items, each later one `factor` times as many, up to `max_chunk`. The
    remote iterator runs ahead of this one by up to a chunk. ValueError if factor is below 1.
    """
    if factor < 1:
        raise ValueError(f"factor must be at least 1, not {factor!r}")
    iterator = iter(obj)
    if isinstance(iterator, BaseNetref):
        iterator = buffered_iterator(iterator, chunk, max_chunk, factor)
    yield from iterator


def restricted(obj, attrs, wattrs=None):
    """Return a view of `obj` through which only the attributes in `attrs` can be read.

    Those in `wattrs` can be set; without it, those in `attrs`. The rest is an AttributeError,
    whatever the configuration of a connection allows.
    """
    readable = frozenset(attrs)
    writable = readable if wattrs is None else frozenset(wattrs)

    class Restricted:
        def _rpyc_getattr(self, name):
            if name not in readable:
                raise AttributeError(name)
            return getattr(obj, name)

        __getattr__ = _rpyc_getattr

        def _rpyc_setattr(self, name, value):
            if name not in writable:
                raise AttributeError(name)
            setattr(obj, name, value)

        __setattr__ = _rpyc_setattr

    return Restricted()


class _Async:
    """Calls a remote callable without waiting: each call returns an AsyncResult."""

    __module__ = "rpyc.utils.helpers"
    __slots__ = ("__weakref__", "proxy")

    def __init__(self, proxy):
        self.proxy = proxy

    def __call__(self, *args, **kwargs):
        return asyncreq(self.proxy, HANDLE_CALL, args, tuple(kwargs.items()))

    def __repr__(self):
        return f"async_({self.proxy!r})"


# By the id of the netref, which lives as long as the wrapper that is kept here.
_async_proxies_cache = WeakValueDict()


def async_(proxy):
    """Return an asynchronous version of a remote callable.

    As long as it lives, the same netref gives the same one. TypeError if `proxy` is not a netref
    of something callable.
    """
    if isinstance(proxy, _Async):
        return proxy
    if not isinstance(proxy, BaseNetref):
        raise TypeError(f"async_() takes a netref, not {type(proxy).__name__}")
    if not callable(proxy):
        raise TypeError(f"async_() takes a callable: {proxy!r}")
    wrapper = _async_proxies_cache.get(id(proxy))
    if wrapper is None:
        wrapper = _async_proxies_cache[id(proxy)] = _Async(proxy)
    return wrapper


globals()["async"] = async_  # the name of older programs, a keyword since Python 3.7


class timed:  # noqa: N801 - the name is part of the interface
    """Calls a remote callable with a time limit: each call returns an AsyncResult that expires.

    A peer of ours is told the limit, and stops the work when it has passed.
    """

    __module__ = "rpyc.utils.helpers"
    __slots__ = ("__weakref__", "proxy", "timeout")

    def __init__(self, proxy, timeout):
        self.proxy = async_(proxy)
        self.timeout = timeout

    def __call__(self, *args, **kwargs):
        netref = self.proxy.proxy
        arguments = (HANDLE_CALL, netref, args, tuple(kwargs.items()))
        return netref.____conn__.async_request(*arguments, timeout=self.timeout)

    def __repr__(self):
        return f"timed({self.proxy.proxy!r}, {self.timeout!r})"


class BgServingThread:
    """Serves a connection in a daemon thread until `stop()` or the end of the connection.

    `callback()` is called, in that thread, when serving ends with an error; without one the error
    ends the thread. Requests are served as they arrive; the sum of the intervals is how often the
    thread looks whether it should stop.
    """

    __module__ = "rpyc.utils.helpers"
    SERVE_INTERVAL = 0.0
    SLEEP_INTERVAL = 0.1

    def __init__(
        self, conn, callback=None, serve_interval=SERVE_INTERVAL, sleep_interval=SLEEP_INTERVAL
    ):
        self._conn = conn
        self._callback = callback
        self._interval = max(serve_interval + sleep_interval, 0.001)
        self._active = True
        self._thread = spawn(self._bg_server)

    def _bg_server(self):
        try:
            while self._active:
                self._conn.serve(self._interval)
        except Exception as error:
            was_active, self._active = self._active, False
            if was_active and self._callback is not None:
                self._callback()
            elif was_active and not isinstance(error, EOFError):
                raise  # an end of file is how serving ends: no news for standard error

    def stop(self):
        """End serving and wait for the thread to end."""
        self._active = False
        if self._thread is not threading.current_thread():  # stopped by a request that it serves
            self._thread.join()


def classpartial(*args, **kwargs):
    """Return a class with constructor arguments already bound: `classpartial(cls, 1, key=2)`."""
    cls, *bound = args

    class Partial(cls):
        def __init__(self):
            super().__init__(*bound, **kwargs)

    Partial.__name__ = cls.__name__
    return Partial
