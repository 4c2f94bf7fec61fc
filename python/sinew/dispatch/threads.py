"""Calls run on threads that are there for nothing else."""

from __future__ import annotations

import threading

from .dispatcher import Dispatcher, refuse

TYPE_CHECKING = False  # importing typing costs more than all of this
if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue


class Pool(Dispatcher):
    """Calls run on `threads` threads, which are started when there is something to do.

    Calls of one connection start in order, and run at the same time. The threads are daemons.
    """

    __module__ = "sinew.dispatch"

    def __init__(
        self, threads: int = 4, *, max_pending: int = 10_000, start_within: float | None = None
    ) -> None:
        from queue import SimpleQueue  # noqa: PLC0415 - only who uses it pays for it

        super().__init__(max_pending=max_pending, start_within=start_within)
        if threads < 1:
            raise ValueError(f"a pool needs at least 1 thread, not {threads!r}")
        self._limit = threads
        self._threads: list[threading.Thread] = []
        self._idle = 0  # threads that wait; what is queued for them may be more
        self._changing = threading.RLock()  # a destructor may come back here
        # May be used by a destructor that runs in the middle of using it.
        self._jobs: SimpleQueue[Callable[[], object] | None] = SimpleQueue()

    def submit(self, job: Callable[[], object]) -> None:
        """Have `job()` called on one of the threads. threads: any."""
        with self._changing:
            self._refuse_if_closed()
            self._jobs.put(job)
            if self._idle < self._jobs.qsize() and len(self._threads) < self._limit:
                self._add_thread()
            self._note_change()

    def close(self) -> None:
        """Fail what waits with RuntimeError; what runs goes on to its end."""
        with self._changing:
            if self._closed:
                return
            self._closed = True
            waiting = []
            while not self._jobs.empty():
                waiting.append(self._jobs.get())
            for _ in self._threads:
                self._jobs.put(None)
        for job in waiting:
            refuse(job, self)

    def _add_thread(self) -> None:
        name = f"sinew-{type(self).__name__.lower()}-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        thread.start()  # first: it may fail
        self._threads.append(thread)
        self._idle += 1

    def _note_change(self) -> None:
        self._full = self._idle <= self._jobs.qsize() and len(self._threads) >= self._limit

    def _work(self) -> None:
        if self._serial:
            self.thread = threading.get_ident()
        while (job := self._jobs.get()) is not None:
            with self._changing:
                self._idle -= 1
                self._note_change()
            try:
                job()
            except BaseException as error:  # Ctrl-C is the main thread's; nobody else calls us
                _report(error)
            del job
            with self._changing:
                self._idle += 1
                self._note_change()


def _report(error: BaseException) -> None:
    import logging  # noqa: PLC0415 - heavy, and rarely wanted

    logging.getLogger("sinew.dispatch").error("a call was interrupted", exc_info=error)


class OneAtATime(Pool):
    """Calls run one after the other, in the order of their arrival, on a thread of its own.

    What is not made for several threads may be served to any number of clients. While a call waits
    for the answer to a callback of its own, the callbacks of that callback are served inside it;
    calls of others wait.
    """

    __module__ = "sinew.dispatch"

    def __init__(self, *, max_pending: int = 10_000, start_within: float | None = None) -> None:
        super().__init__(1, max_pending=max_pending, start_within=start_within)
        self._serial = True
