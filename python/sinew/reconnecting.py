"""Connections that come back."""

from __future__ import annotations

import random
import threading
from math import inf
from time import monotonic

from sinew._sinew import deadline_variable

TYPE_CHECKING = False  # importing typing costs more than all of this
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from sinew.connecting import Connection


class Backoff:
    """How often to try to connect again.

    The first time at once, then after `first` seconds, each pause `factor` times as long as the one
    before and `most` seconds at the longest, each longer or shorter by up to `jitter` of itself, so
    that a thousand clients do not come back at once. `tries` limits how often; None: for ever. What
    is used meanwhile waits for it, `patience` seconds at most; None: for ever.
    """

    def __init__(
        self,
        first: float = 0.1,
        most: float = 30.0,
        factor: float = 2.0,
        jitter: float = 0.2,
        tries: int | None = None,
        patience: float | None = 30.0,
    ) -> None:
        if not (0 < first <= most and factor >= 1 and 0 <= jitter < 1):
            raise ValueError("a Backoff needs 0 < first <= most, factor >= 1, 0 <= jitter < 1")
        if tries is not None and tries < 1:
            raise ValueError(f"tries must be at least 1, not {tries!r}")
        if patience is not None and not patience >= 0:
            raise ValueError(f"patience must be 0 seconds or more, or None, not {patience!r}")
        self.first, self.most, self.factor = first, most, factor
        self.jitter, self.tries, self.patience = jitter, tries, patience

    def pauses(self) -> Iterator[float]:
        """Yield the seconds to wait before each try."""
        pause, done = self.first, 1
        yield 0.0
        while self.tries is None or done < self.tries:
            yield pause * random.uniform(1 - self.jitter, 1 + self.jitter)
            pause, done = min(pause * self.factor, self.most), done + 1


class ReconnectingConnection:
    """A connection that comes back when it is lost: `sinew.connect(uri, reconnect=Backoff())`.

    It has what a Connection has (`root`, `modules`, `eval`, `ping`, ...), of the connection in use
    now; `epoch` counts them, from 1. When one is lost

    - calls in flight fail, each with EOFError and the first cause: whether the peer has done them
      nobody knows, so none is repeated;
    - its objects are stale: using one raises `sinew.StaleReference`, never the like of it that
      another epoch has;
    - what is used through this object waits until it is back, the Backoff's `patience` at most or
      until the end of `sinew.deadline`, then raises EOFError with the cause;
    - `on_lost(conn, cause)` is called, and `on_restored(conn)` once it is back, in a thread of its
      own, one at a time and in order. What they raise goes to `threading.excepthook`.

    Objects that are to last are named once: `scope = conn.lasting(lambda c: c.root.scope("A"))` is
    fetched again in each epoch.

    Threads: any. There is one thread for it, from the beginning until `close()`.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        backoff: Backoff,
        *,
        on_lost: Callable[[ReconnectingConnection, str], Any] | None = None,
        on_restored: Callable[[ReconnectingConnection], Any] | None = None,
        name: str = "",
    ) -> None:
        self._connect, self._backoff = connect, backoff
        self._on_lost, self._on_restored, self._name = on_lost, on_restored, name
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._cause: str | None = None  # why there is no connection now
        self._last_try = ""
        self._given_up = False
        self._epoch = 1
        self._current: Connection | None = self._open()
        self._thread = threading.Thread(
            target=self._look_after, name="sinew-reconnect", daemon=True
        )
        self._thread.start()

    def _open(self) -> Connection:
        fresh = self._connect()
        fresh._set_replaceable()
        return fresh

    # -- using it ----------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """How many connections there have been, this one included."""
        return self._epoch

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        current = self._current
        return current is not None and not current.closed

    @property
    def closed(self) -> bool:
        """Whether it was closed, or has given up."""
        return self._ended.is_set() or self._given_up

    def current(self) -> Connection:
        """Return the Connection in use; waits while it is away. EOFError if it stays away."""
        current = self._current
        if current is not None and not current.closed:
            return current
        return self._wait_for_another()

    def _wait_for_another(self) -> Connection:
        patience = self._backoff.patience
        end = inf if patience is None else monotonic() + patience
        limit = deadline_variable.get(None)
        limit = inf if limit is None else limit
        end = min(end, limit)
        with self._changed:
            while True:
                current = self._current
                if current is not None and not current.closed:
                    return current
                if self._ended.is_set():
                    raise EOFError(f"the connection to {self._name} was closed")
                left = end - monotonic()
                # The thread that connects again cannot wait for itself: on_lost() uses this.
                hopeless = self._given_up or threading.current_thread() is self._thread
                if hopeless or left <= 0:
                    kind = TimeoutError if left <= 0 and end == limit else EOFError
                    cause = self._cause or "it was lost"
                    raise kind(f"no connection to {self._name}: {cause}{self._last_try}")
                # In pieces: the thread that will notice the end may not have done so yet.
                self._changed.wait(min(left, 0.5))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.current(), name)

    def lasting(self, find: Callable[[ReconnectingConnection], Any]) -> Lasting:
        """Return a stand-in for the object that `find(conn)` gives, found again in each epoch."""
        return Lasting(self, find)

    def close(self) -> None:
        """Close the connection for good; closing twice is allowed."""
        with self._changed:
            self._ended.set()
            current, self._current = self._current, None
            self._changed.notify_all()
        if current is not None:
            current.close()  # type: ignore[no-untyped-call]

    def __enter__(self) -> ReconnectingConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "connected" if self.connected else "lost"
        return f"<ReconnectingConnection to {self._name}, epoch {self._epoch}, {state}>"

    # -- coming back -------------------------------------------------------------------------

    def _look_after(self) -> None:
        try:
            while not self._ended.is_set():
                current = self._current
                if current is None or not current._wait_until_dead(60.0):
                    continue
                if self._ended.is_set():
                    return
                self._lose(current)
                if not self._restore():
                    return
        finally:
            with self._changed:  # nobody is to wait for what nobody does any more
                self._given_up = not self._ended.is_set()
                self._changed.notify_all()

    def _lose(self, lost: Connection) -> None:
        self._cause = lost.close_reason or "it was closed"
        # What only this side can do: on_disconnect(), the socket.
        try:
            lost.close()  # type: ignore[no-untyped-call]
        except Exception as error:
            _report(error)
        self._tell(self._on_lost, self._cause)

    def _restore(self) -> bool:
        """Connect again; False when it was closed meanwhile, or the tries are used up."""
        fresh = self._try_again()
        with self._changed:
            restored = fresh is not None and not self._ended.is_set()
            if restored:
                self._epoch += 1  # first: who sees the new connection must not see the old epoch
                self._current, self._cause, self._last_try = fresh, None, ""
            else:
                self._given_up = not self._ended.is_set()
            self._changed.notify_all()
        if restored:
            self._tell(self._on_restored)
        elif fresh is not None:
            fresh.close()  # type: ignore[no-untyped-call]
        return restored

    def _try_again(self) -> Connection | None:
        for pause in self._backoff.pauses():
            if self._ended.wait(pause):
                return None
            try:
                return self._open()
            except Exception as error:  # a token file that is being replaced, no thread to be had
                self._last_try = f"; the last try to connect again: {error}"
        return None

    def _tell(self, callback: Callable[..., Any] | None, *args: Any) -> None:
        if callback is None:
            return
        try:
            callback(self, *args)
        except Exception as error:
            _report(error)


def _report(error: Exception) -> None:
    details = (type(error), error, error.__traceback__, threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(details))


class Lasting:
    """Stands for an object of the peer in every epoch of a ReconnectingConnection.

    Attributes, calls, items, iteration, `len()`, truth and text go to the object of the epoch at
    hand. Its type is this one: `isinstance` and operators want the object itself, `lasting.now`.
    """

    __slots__ = ("_conn", "_epoch", "_find", "_found", "_lock")

    def __init__(
        self, conn: ReconnectingConnection, find: Callable[[ReconnectingConnection], Any]
    ) -> None:
        set_ = object.__setattr__
        set_(self, "_conn", conn)
        set_(self, "_find", find)
        set_(self, "_lock", threading.Lock())
        set_(self, "_epoch", 0)
        set_(self, "_found", None)

    @property
    def now(self) -> Any:
        """The object of the epoch at hand, a netref that becomes stale with it."""
        conn = self._conn
        conn.current()
        with self._lock:
            epoch = conn.epoch
            if self._epoch == epoch:
                return self._found
        found = self._find(conn)  # without the lock: it may call back, and that may come here
        with self._lock:
            if self._epoch < epoch:
                object.__setattr__(self, "_found", found)
                object.__setattr__(self, "_epoch", epoch)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.now, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.now, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.now, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.now(*args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        return self.now[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.now[key] = value

    def __delitem__(self, key: Any) -> None:
        del self.now[key]

    def __contains__(self, item: Any) -> bool:
        return item in self.now

    def __iter__(self) -> Iterator[Any]:
        return iter(self.now)

    def __len__(self) -> int:
        return len(self.now)

    def __bool__(self) -> bool:
        return bool(self.now)

    def __str__(self) -> str:
        return str(self.now)

    def __dir__(self) -> list[str]:
        return dir(self.now)
