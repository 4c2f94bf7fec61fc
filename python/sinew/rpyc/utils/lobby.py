"""Where clients wait that have not said anything yet: one thread for all of them."""

import select
import threading
import time
from contextlib import suppress


class Lobby:
    """Watches connected sockets until their first byte, and hands them to `admit(sock)` then.

    A socket that says nothing for `timeout` seconds (None: no limit), or that is the oldest when
    `most` are here and one more comes, goes to `turn_away(sock, reason)`. There is a thread only
    while somebody waits.

    threads: any; both functions are called on the lobby's own, or on that of `add`.
    """

    def __init__(self, admit, turn_away, timeout, most):
        self._admit, self._turn_away = admit, turn_away
        self._timeout, self._most = timeout, most
        self._lock = threading.Lock()
        self._here = {}  # descriptor -> (socket, when it is to leave), the oldest first
        self._poller = select.epoll()
        self._watched = False  # by a thread
        self._closed = False

    def __len__(self):
        return len(self._here)

    def add(self, sock):
        """Have a socket wait here."""
        with self._lock:
            if self._closed:
                sock.close()
                return
            number = sock.fileno()
            end = None if self._timeout is None else time.monotonic() + self._timeout
            self._here[number] = (sock, end)
            self._poller.register(number, select.EPOLLIN | select.EPOLLRDHUP)
            starts, self._watched = not self._watched, True
            crowded = len(self._here) > self._most
        if starts:
            self._start()
        if crowded:
            self.make_room()

    def _start(self):
        try:
            threading.Thread(target=self._watch, name="sinew lobby", daemon=True).start()
        except RuntimeError:  # the system gives none: the next one to come asks again
            self._watched = False
            raise

    def make_room(self):
        """Turn the one away that has been silent for longest; tell whether there was one."""
        with self._lock:
            sock = self._take(next(iter(self._here), None))
        if sock is not None:
            self._turn_away(sock, "others want its place")
        return sock is not None

    def close(self):
        """Let nobody in any more. Who waits is left to the caller, which has the sockets."""
        with self._lock:
            self._closed = True
            self._here.clear()
            if not self._watched:
                self._poller.close()

    def _take(self, number):
        """With the lock: take a socket out; None if it has left."""
        sock, _ = self._here.pop(number, (None, None))
        if sock is not None:
            with suppress(OSError, ValueError):  # closed by somebody else
                self._poller.unregister(number)
        return sock

    def _watch(self):
        while True:
            ready = self._poller.poll(_PATIENCE, _AT_ONCE)
            for number, _ in ready:
                with self._lock:
                    sock = self._take(number)
                if sock is not None:
                    self._let_in(sock)
            self._turn_late_away()
            with self._lock:
                if not self._here:
                    self._watched = False
                    if self._closed:
                        self._poller.close()
                    return

    def _let_in(self, sock):
        try:
            self._admit(sock)
        except (RuntimeError, OSError) as error:  # no thread for it
            self._turn_away(sock, str(error))

    def _turn_late_away(self):
        while True:
            with self._lock:
                number, (_, end) = next(iter(self._here.items()), (None, (None, None)))
                if end is None or end > time.monotonic():
                    return
                sock = self._take(number)
            if sock is not None:
                self._turn_away(sock, f"nothing was said within {self._timeout:g} s")


_PATIENCE = 0.25  # seconds between two looks at who is late
_AT_ONCE = 256
