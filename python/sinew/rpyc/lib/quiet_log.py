"""Logs that peers can neither forge nor flood."""

import logging
import threading
import time

MOST = 16 * 1024  # characters of one entry


def printable(text):
    """Return the text with everything escaped that a terminal would act on, but for line feeds."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


class PlainFormatter(logging.Formatter):
    """Formats entries so that what peers say in them stays what it is, text.

    Control characters are escaped, lines after the first are indented, so that none looks like an
    entry, and what is longer than MOST is cut.
    """

    def format(self, record):
        """Return the entry."""
        text = super().format(record)
        if len(text) > MOST:
            text = f"{text[:MOST]}... ({len(text) - MOST} characters more)"
        return printable(text).replace("\n", "\n    ")


class Once:
    """Lets one entry in `seconds` through for each source.

    threads: any.
    """

    MOST_SOURCES = 1024

    def __init__(self, seconds=1.0, clock=time.monotonic):
        self._seconds, self._clock = seconds, clock
        self._lock = threading.Lock()
        self._last = {}  # source -> (when something was let through, how many were not since)

    def __call__(self, source):
        """Return None for an entry to be dropped, else how many were since the last one."""
        with self._lock:
            now = self._clock()
            then, dropped = self._last.pop(source, (None, 0))
            if then is not None and now - then < self._seconds:
                self._last[source] = (then, dropped + 1)
                return None
            while len(self._last) >= self.MOST_SOURCES:
                del self._last[next(iter(self._last))]
            self._last[source] = (now, 0)
            return dropped
