"""Waiting in programs whose threads are greenlets.

After `gevent.monkey.patch_all()` all threads share one thread of the operating system: who waits
there without gevent stops them all. So the engine only sends what fits, and reads what is there;
the waiting is done here, through `select` and `threading`, which gevent has replaced.

One greenlet waits for the descriptor, the *reader*; the others, followers, wait for events.
Whenever something was served, or may be served next, the followers look again.
"""

import threading
import time
import weakref

from sinew.rpyc.lib import Timeout
from sinew.rpyc.lib.compat import poll

_SLICE = 1.0  # seconds after which a reader looks whether the connection still lives
_NEVER = Timeout(None)


class Cooperator:
    """Waits for one connection. `stream` is what the connection runs over.

    threads: the greenlets of one thread.
    """

    def __init__(self, conn, stream):
        self._conn = weakref.ref(conn)
        self._stream = stream
        self._reading = False
        self._followers = []  # an event each

    def wait_for(self, result, seconds):
        """Serve until an AsyncResult is ready or has expired; below zero: for as long as it takes.

        EOFError if the connection ends and nothing is known of the result.
        """
        limit = Timeout(seconds)
        while not result._over and not limit.expired():
            try:
                self._turn(limit)
            except EOFError:
                if not result._over:
                    raise

    def serve(self, seconds):
        """Serve a message, and what comes along with it; tell whether one came in time."""
        limit = Timeout(seconds)
        while not self._turn(limit):
            if limit.expired():
                return False
        while not self._reading and self._serve_now():
            pass
        return True

    def serve_all(self):
        """Serve until the connection ends; EOFError then."""
        while True:
            self._turn(_NEVER)

    def poll_once(self):
        """Serve a message if one is there."""
        if self._reading:
            time.sleep(0)  # its turn
        else:
            self._serve_now()

    def stop(self):
        """The connection has ended: have everybody look, and the reader leave the descriptor."""
        self._wake()
        while self._reading:
            time.sleep(0.001)

    def _turn(self, limit):
        """Serve a message or wait for one; tell whether one was served."""
        if self._reading:
            self._follow(limit)
            return False
        if self._serve_now():
            return True
        self._read(limit)
        return False

    def _serve_now(self):
        conn = self._conn()
        if conn is None:
            raise EOFError("the connection object was dropped")
        try:
            return conn._serve_now()
        finally:
            self._wake()  # it may have been theirs

    def _read(self, limit):
        """Wait until there is something to serve."""
        self._reading = True
        try:
            left = limit.timeleft()
            waiter = poll()
            waiter.register(self._stream.fileno(), "r")
            waiter.poll(_SLICE if left is None else min(left, _SLICE))
        finally:
            self._reading = False
            self._wake()  # serving may wait for something: somebody else reads on meanwhile

    def _follow(self, limit):
        event = threading.Event()
        self._followers.append(event)
        event.wait(limit.timeleft())

    def _wake(self):
        followers, self._followers = self._followers, []
        for event in followers:
            event.set()
