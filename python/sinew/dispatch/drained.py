"""Calls run on a thread of the program's, when it comes to run them."""

from __future__ import annotations

import os
import threading
from collections import deque

from .dispatcher import Dispatcher, refuse

TYPE_CHECKING = False  # importing typing costs more than all of this
if TYPE_CHECKING:
    from collections.abc import Callable


class MainLoop(Dispatcher):
    """Calls run on the thread that drains them, when it does.

    `run_pending()` runs what waits and returns; call it now and then. `run_forever()` is a loop for
    a thread that has nothing else to do. Any event loop can tell when there is something:
    `fileno()` is a descriptor that is readable then (an eventfd), and `wakeup`, if given, is
    called for each call that comes, on the thread that reads it.

    That is the thread it was made on, unless another one drains it.
    """

    __module__ = "sinew.dispatch"

    def __init__(
        self,
        *,
        wakeup: Callable[[], object] | None = None,
        max_pending: int = 10_000,
        start_within: float | None = None,
    ) -> None:
        super().__init__(max_pending=max_pending, start_within=start_within)
        self._serial = True
        self.thread = threading.get_ident()
        self._wakeup = wakeup
        self._jobs: deque[Callable[[], object]] = deque()
        self._signal = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._stopped = False

    def fileno(self) -> int:
        """Return a descriptor that is readable while something waits to be run."""
        return self._signal

    def submit(self, job: Callable[[], object]) -> None:
        """Have `job()` called by the thread that drains. threads: any."""
        self._refuse_if_closed()
        self._jobs.append(job)
        if self._closed:  # meanwhile: whoever closed it may have been through with the queue
            self._refuse_all()
            return
        self._wake()
        if self._wakeup is not None:
            self._wakeup()

    def run_pending(self) -> int:
        """Run what waits now, in the order of arrival; return how many were run.

        What comes meanwhile waits for the next time, so a busy client does not stop the loop.
        """
        self.thread = threading.get_ident()
        self._calm()
        count = 0
        for _ in range(len(self._jobs)):
            try:
                job = self._jobs.popleft()
            except IndexError:  # a call ran others
                break
            try:
                job()
            finally:
                count += 1
                if self._jobs:  # Ctrl-C leaves them for the next time
                    self._wake()
        return count

    def run_forever(self) -> None:
        """Run calls as they come, until `stop()` or `close()`; Ctrl-C raises KeyboardInterrupt."""
        from select import POLLIN, poll  # noqa: PLC0415

        waiting = poll()
        waiting.register(self._signal, POLLIN)
        self._stopped = False
        while not (self._stopped or self._closed):
            waiting.poll()
            self.run_pending()

    def stop(self) -> None:
        """Have `run_forever()` return. threads: any."""
        self._stopped = True
        self._wake()

    def close(self) -> None:
        """Fail what waits with RuntimeError, and end `run_forever()`. threads: any."""
        self._closed = True
        self._refuse_all()
        self._wake()

    def _refuse_all(self) -> None:
        while True:
            try:
                job = self._jobs.popleft()
            except IndexError:  # others take from it, too
                return
            refuse(job, self)

    def __del__(self) -> None:
        signal, self._signal = getattr(self, "_signal", -1), -1
        if signal >= 0:
            os.close(signal)

    def _wake(self) -> None:
        if self._signal >= 0:
            os.eventfd_write(self._signal, 1)

    def _calm(self) -> None:
        try:
            os.eventfd_read(self._signal)
        except BlockingIOError:
            pass  # nobody called


class Posted(Dispatcher):
    """Calls run wherever `post(function)` has its argument called, such as a program's main thread.

    `post` is `gdb.post_event`, `hou.ui.postEventCallback`, what emits a queued Qt signal, or the
    like: it takes a function without parameters, may be called on any thread, returns at once, and
    has functions called one at a time and in order. If it raises, that is what the caller of the
    remote call gets. If it forgets a function, the caller gets RuntimeError.
    """

    __module__ = "sinew.dispatch"

    def __init__(
        self,
        post: Callable[[Callable[[], object]], object],
        *,
        max_pending: int = 10_000,
        start_within: float | None = None,
    ) -> None:
        super().__init__(max_pending=max_pending, start_within=start_within)
        self._serial = True
        self._post = post

    def submit(self, job: Callable[[], object]) -> None:
        """Have `job()` called by way of `post`. threads: any."""
        self._refuse_if_closed()
        self._post(_Post(self, job))

    def close(self) -> None:
        """Answer with RuntimeError whatever is to run from now on."""
        self._closed = True


class _Post:
    """What is posted: a job, and whose it is."""

    __slots__ = ("_dispatcher", "_job")

    def __init__(self, dispatcher: Posted, job: Callable[[], object]) -> None:
        self._dispatcher = dispatcher
        self._job: Callable[[], object] | None = job

    def __call__(self) -> None:
        job, self._job = self._job, None
        if job is None:
            return
        self._dispatcher.thread = threading.get_ident()
        if self._dispatcher._closed:
            refuse(job, self._dispatcher)
        else:
            job()
