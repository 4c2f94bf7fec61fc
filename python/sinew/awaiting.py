"""`await` for results of asynchronous calls, on an asyncio loop and without a thread."""

from __future__ import annotations

import asyncio
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
    watchers = conn.__dict__.setdefault("_watchers", {})  # loop -> how many wait
    count = watchers.get(loop, 0)
    descriptor = -1
    with suppress(EOFError, OSError):
        descriptor = conn.fileno()
    if count == 0 and descriptor >= 0:
        loop.add_reader(descriptor, _serve, conn, loop, descriptor)
        loop.call_soon(_serve, conn, loop, descriptor)  # what was read already is not on it
    watchers[loop] = count + 1
    try:
        yield
    finally:
        watchers[loop] -= 1
        if watchers[loop] == 0:
            del watchers[loop]
            if not loop.is_closed() and descriptor >= 0:
                loop.remove_reader(descriptor)


def _serve(conn: Any, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
    try:
        conn.serve(0, False)
    except EOFError:  # those who wait have been told
        loop.remove_reader(descriptor)
