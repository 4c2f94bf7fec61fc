"""Waiting for another thread or process without guessing how long it takes."""

import threading
import time

_STEP = 0.005


def eventually(predicate, timeout=5.0, what=None):
    """Return the first true value of `predicate()`; AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what or predicate}")
        pause.wait(_STEP)


class Stopwatch:
    """Measures the seconds since it was made: `watch.seconds`."""

    def __init__(self):
        self._start = time.monotonic()

    @property
    def seconds(self):
        return time.monotonic() - self._start


class Worker(threading.Thread):
    """A daemon thread that keeps the result or the exception of its function."""

    def __init__(self, function, *args, **kwargs):
        super().__init__(daemon=True)
        self._call = (function, args, kwargs)
        self._result = None
        self.error = None
        self.start()

    def run(self):
        function, args, kwargs = self._call
        try:
            self._result = function(*args, **kwargs)
        except BaseException as error:  # the test decides what to do with it
            self.error = error

    def result(self, timeout=15.0):
        """Join; return what the function returned or raise what it raised."""
        self.join(timeout)
        if self.is_alive():
            raise AssertionError(f"{self._call[0]} still runs after {timeout} s")
        if self.error is not None:
            raise self.error
        return self._result
