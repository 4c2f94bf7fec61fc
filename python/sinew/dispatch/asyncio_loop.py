"""Calls run on an asyncio loop, which awaits those that are coroutines."""

from __future__ import annotations

import threading

from sinew import _sinew

from .dispatcher import Dispatcher, refuse

TYPE_CHECKING = False  # importing typing costs more than all of this
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine
    from typing import Any


class Asyncio(Dispatcher):
    """Calls run on the thread of an asyncio loop, between its own tasks.

    A method that is `async def` is awaited there, as a task of its own, and what it returns is the
    answer: its caller needs to know nothing of that. It is cancelled when its caller gives up, when
    the caller's deadline passes, and when the connection ends. Others run to their end, and the
    loop waits for them.

    `loop` is the running one by default. Once it is closed, callers get an error at once.
    """

    __module__ = "sinew.dispatch"

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
            refuse(job, self)
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
