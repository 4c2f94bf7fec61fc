"""Time limits that cover everything done within them."""

from __future__ import annotations

from time import monotonic

from sinew._sinew import deadline_variable

TYPE_CHECKING = False  # importing typing costs more than all of this
if TYPE_CHECKING:
    from contextvars import Token

    from typing_extensions import Self


class deadline:  # noqa: N801 - reads as a statement: with sinew.deadline(5)
    """A time limit for all remote calls made in a `with` block, together.

        with sinew.deadline(5):
            scope.arm()
            data = scope.read()      # TimeoutError 5 s after the block was entered

    Calls of the block and what they call in turn, on whatever machine, share the limit: a peer of
    ours is told how much is left, its own calls are under it too, and when it passes the work is
    stopped there (`sinew.Cancelled` in the serving thread) and the caller is free at once. A stock
    peer works on; the caller is free all the same. Limits nest: the one that ends first counts.

    Belongs to the context it is entered in (`contextvars`): to one thread, or one asyncio task.
    Can be entered again once it was left.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = float(seconds)
        if not self.seconds >= 0:  # nor NaN
            raise ValueError(f"a deadline lies in the future, not {seconds!r} s from now")
        self._token: Token[float] | None = None
        self._end: float | None = None

    def __enter__(self) -> Self:
        if self._token is not None:
            raise RuntimeError("this deadline has been entered already")
        outer = deadline_variable.get(None)
        end = monotonic() + self.seconds
        self._end = end if outer is None else min(end, outer)
        self._token = deadline_variable.set(self._end)
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            deadline_variable.reset(self._token)
            self._token = None

    def remaining(self) -> float:
        """Return the seconds that are left, at least 0; all of them before it is entered."""
        return self.seconds if self._end is None else max(0.0, self._end - monotonic())
