"""Results of calls that were sent without waiting for them."""

from sinew._sinew import AsyncResult

AsyncResultTimeout = TimeoutError

__all__ = ["AsyncResult", "AsyncResultTimeout"]
