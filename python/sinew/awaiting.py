"""`await` for results of asynchronous calls, on an asyncio loop and without a thread."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Any


def wait_for(result: Any) -> Generator[Any, None, Any]:
    """Yield to the loop until an AsyncResult is there; return its value or raise its error.

    While it waits, the loop watches the connection's descriptor, and serves what comes. When the
    task is cancelled so is the call. What the result's own time limit ends is a TimeoutError.
    """
    loop = asyncio.get_running_loop()
    if not result._over:
        done = loop.create_future()
        result.add_callback(lambda _: _tell(loop, done))
        with _limited(result, loop, done), _served(result._conn, loop):
            try:
                yield from done
            except asyncio.CancelledError:
                result.cancel()
                raise
    return result.value


def _tell(loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits
        loop.call_soon_threadsafe(_set, done)


def _set(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


@contextmanager
def _limited(
    result: Any, loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]
) -> Iterator[None]:
    left = result._timeleft
    timer = None if left is None else loop.call_later(max(left, 0) + 0.001, _set, done)
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()


@contextmanager
def _served(conn: Any, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Have the loop serve the connection meanwhile."""
    watch = conn.__dict__.get("_watch")
    if watch is None:
        watch = conn._watch = _Watch(conn)
    watch.add(loop)
    try:
        yield
    finally:
        watch.remove(loop)


class _Watch:
    """The loops that wait for answers on a connection, and the descriptors that they watch.

    That of the connection tells of what comes, and an eventfd of what another thread has read and
    left, when it had what it wanted itself.
    """

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self._lock = threading.Lock()
        self._counts: dict[asyncio.AbstractEventLoop, int] = {}  # how many wait on each loop
        self._descriptors: tuple[int, ...] = ()

    def add(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if not self._counts:
                self._open()
            count = self._counts[loop] = self._counts.get(loop, 0) + 1
            descriptors = self._descriptors
        if count == 1:
            for descriptor in descriptors:
                loop.add_reader(descriptor, self._serve, loop)
            loop.call_soon(self._serve, loop)  # what was left before is on neither

    def remove(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._counts[loop] -= 1
            if self._counts[loop] == 0:
                del self._counts[loop]
                self._forget(loop)
            if not self._counts:
                self._close()

    def _open(self) -> None:
        wakeup = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._conn._set_wakeup(wakeup)
        try:
            self._descriptors = (wakeup, self._conn.fileno())
        except (EOFError, OSError):  # the connection has ended
            self._descriptors = (wakeup,)

    def _close(self) -> None:
        wakeup, *_ = self._descriptors
        self._conn._set_wakeup(-1)
        self._descriptors = ()
        os.close(wakeup)

    def _forget(self, loop: asyncio.AbstractEventLoop) -> None:
        if not loop.is_closed():
            for descriptor in self._descriptors:
                loop.remove_reader(descriptor)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if loop not in self._counts:
                return
            with suppress(BlockingIOError):
                os.eventfd_read(self._descriptors[0])
        try:
            self._conn.serve(0, False)
        except EOFError:  # those who wait have been told
            with self._lock:
                self._forget(loop)
