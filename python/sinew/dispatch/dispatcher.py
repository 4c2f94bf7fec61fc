"""What all dispatchers have in common."""

from __future__ import annotations

import threading

from sinew import _sinew

TYPE_CHECKING = False  # importing typing costs more than all of this
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Dispatcher(_sinew.Dispatcher):
    """Base class: where the requests of connections run.

    A class of one's own has `submit(job)`, which has `job()` called once, somewhere, some time,
    and returns at once. It is called on the thread that reads, and what it raises is the answer to
    the caller. `job.fail(exception)` answers without running it, `job.waits` tells whether it still
    waits (its caller may have given up), and a job that is dropped is answered with an error. Jobs
    of one connection are submitted in the order of their arrival. Where one runs at a time,
    `_serial` is to be True, and `thread` the identity of the thread, if it is always the same.

    `max_pending` is how many calls may wait, of all clients together; the caller of one more gets
    LimitError. A call that is not started `start_within` seconds after it came is answered with
    TimeoutError, and never run; without it, and without a deadline of the caller's, it waits.
    """

    __module__ = "sinew.dispatch"

    def __init__(self, *, max_pending: int = 10_000, start_within: float | None = None) -> None:
        if max_pending < 1:
            raise ValueError(f"max_pending must be at least 1, not {max_pending!r}")
        if start_within is not None and not start_within > 0:
            raise ValueError(f"start_within must be above 0 seconds, or None, not {start_within!r}")
        self.max_pending = max_pending
        self._start_within = start_within or 0.0
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{self.pending} pending"
        return f"<sinew.dispatch.{type(self).__name__}, {state}>"

    def submit(self, job: Callable[[], object]) -> None:
        """Have `job()` called where this dispatcher runs things. threads: any."""
        raise NotImplementedError

    def close(self) -> None:
        """Run nothing any more: what waits, and what comes, is answered with RuntimeError."""
        self._closed = True

    def __enter__(self) -> Dispatcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call `function(*args)` where calls run, and return what it returns. threads: any."""
        if self.is_here:
            return function(*args)
        errand = _Errand(function, args)
        self.submit(errand)
        return errand.result()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise RuntimeError(f"the {type(self).__name__} was closed: it runs no more calls")


class _Errand:
    """A function to be called where calls run, for a thread that waits for it."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._call = (function, args)
        self._done = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None

    def __call__(self) -> None:
        function, args = self._call
        try:
            self._value = function(*args)
        except BaseException as error:  # for the one who waits
            self._error = error
        self._done.set()

    def fail(self, error: BaseException) -> None:
        self._error = error
        self._done.set()

    def __del__(self) -> None:
        if not self._done.is_set():
            self.fail(RuntimeError("dropped without being run"))

    def result(self) -> Any:
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._value


def refuse(job: Any, dispatcher: Dispatcher) -> None:
    """Answer a job that is not going to be run."""
    fail = getattr(job, "fail", None)  # what only lets go of an object has none
    if fail is not None:
        fail(RuntimeError(f"the {type(dispatcher).__name__} was closed before it ran the call"))
