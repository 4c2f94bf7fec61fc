"""Where calls run: on the connection's own thread (the default), or where a dispatcher says.

    loop = sinew.dispatch.MainLoop()
    server = sinew.start_server(Scope(), dispatcher=loop)
    ...
    loop.run_pending()        # now and then, on the thread where the calls are to run

| class | calls run |
| --- | --- |
| `Pool(threads)` | on any of its threads |
| `OneAtATime()` | one after the other, on a thread of its own |
| `MainLoop()` | on the thread that calls `run_pending()` or `run_forever()` |
| `Posted(post)` | wherever `post(function)` has the function called: gdb, Qt, Houdini |
| `Asyncio()` | on an asyncio loop; `async def` methods are awaited there |

A dispatcher may be shared by any number of servers and connections. `docs/dispatching.md` says what
runs where, in which order, and what happens when nobody comes to run a call.
"""

from __future__ import annotations

import os
import threading
from collections import deque

from sinew import _sinew

TYPE_CHECKING = False  # importing typing costs more than all of this
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine
    from typing import Any

__all__ = ["Asyncio", "Dispatcher", "MainLoop", "OneAtATime", "Pool", "Posted"]


class Dispatcher(_sinew.Dispatcher):
    """Base class: where the requests of connections run.

    A class of one's own has `submit(job)`, which has `job()` called once, somewhere, some time,
    and returns at once. It is called on the thread that reads, and what it raises is the answer to
    the caller. `job.fail(exception)` answers without running it, `job.waits` tells whether it still
    waits (its caller may have given up), and a job that is dropped is answered with an error. Jobs
    of one connection are submitted in the order of their arrival. Where one runs at a time,
    `_serial` is to be True, and `thread` the identity of the thread, if it is always the same.

    `max_pending` is how many calls may wait; the caller of one more gets LimitError, others do not
    notice. A call that is not started `start_within` seconds after it came is answered with
    TimeoutError, and never run; without it, and without a deadline of the caller's, it waits.
    """

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


def _fail(job: Any, dispatcher: Dispatcher) -> None:
    """Answer a job that is not going to be run."""
    fail = getattr(job, "fail", None)  # what only lets go of an object has none
    if fail is not None:
        fail(RuntimeError(f"the {type(dispatcher).__name__} was closed before it ran the call"))


class Pool(Dispatcher):
    """Calls run on `threads` threads, which are started when there is something to do.

    Calls of one connection start in order, and run at the same time. The threads are daemons.
    """

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
            _fail(job, self)

    def _add_thread(self) -> None:
        name = f"sinew-{type(self).__name__.lower()}-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        self._idle += 1
        thread.start()

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

    def __init__(self, *, max_pending: int = 10_000, start_within: float | None = None) -> None:
        super().__init__(1, max_pending=max_pending, start_within=start_within)
        self._serial = True


class MainLoop(Dispatcher):
    """Calls run on the thread that drains them, when it does.

    `run_pending()` runs what waits and returns; call it now and then. `run_forever()` is a loop for
    a thread that has nothing else to do. Any event loop can tell when there is something:
    `fileno()` is a descriptor that is readable then (an eventfd), and `wakeup`, if given, is
    called for each call that comes, on the thread that reads it.

    That is the thread it was made on, unless another one drains it.
    """

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
        while self._jobs:
            _fail(self._jobs.popleft(), self)
        self._wake()

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
            _fail(job, self._dispatcher)
        else:
            job()


class Asyncio(Dispatcher):
    """Calls run on the thread of an asyncio loop, between its own tasks.

    A method that is `async def` is awaited there, as a task of its own, and what it returns is the
    answer: its caller needs to know nothing of that. It is cancelled when its caller gives up, when
    the caller's deadline passes, and when the connection ends. Others run to their end, and the
    loop waits for them.

    `loop` is the running one by default. Once it is closed, callers get an error at once.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        max_pending: int = 10_000,
        start_within: float | None = None,
    ) -> None:
        import asyncio  # noqa: PLC0415 - only who uses it pays for it

        super().__init__(max_pending=max_pending, start_within=start_within)
        self._serial = True
        self._awaits = True
        self._tasks: set[asyncio.Task[Any]] = set()
        if loop is None:
            loop = asyncio.get_running_loop()
            self.thread = threading.get_ident()
        self._loop = loop

    def submit(self, job: Callable[[], object]) -> None:
        """Have `job()` called by the loop. threads: any."""
        self._refuse_if_closed()
        try:
            self._loop.call_soon_threadsafe(self._run, job)
        except RuntimeError as error:
            raise RuntimeError(f"the asyncio loop that runs the calls is closed: {error}") from None

    def close(self) -> None:
        """Answer with RuntimeError whatever is to run from now on, and cancel what is awaited."""
        self._closed = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cancel_all)

    def _cancel_all(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    def _run(self, job: Callable[[], object]) -> None:
        self.thread = threading.get_ident()
        if self._closed:
            _fail(job, self)
        else:
            job()

    def _await(self, job: Any, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Have the loop await what a request returned, and answer with what comes of it."""
        from contextvars import copy_context  # noqa: PLC0415

        context = copy_context()
        if job.deadline is not None:
            context.run(_sinew.deadline_variable.set, job.deadline)
        task = context.run(self._loop.create_task, coroutine)
        self._tasks.add(task)
        job._on_cancel = lambda: self._loop.call_soon_threadsafe(task.cancel)
        task.add_done_callback(lambda done: self._answer(job, done))

    def _answer(self, job: Any, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            job.fail(_sinew.Cancelled("the coroutine that served the call was cancelled"))
        elif (error := task.exception()) is not None:
            job.fail(error)
        else:
            job.answer(task.result())
