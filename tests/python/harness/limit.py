"""The hard time limit of a test: a hang becomes a failure that shows every stack."""

import contextlib
import faulthandler
import os
import signal
import tempfile

import pytest

DEFAULT_SECONDS = 30
_AGAIN = 2.0  # a served call may swallow the first failure: raise once more
_GRACE = 20  # then the process itself ends, with stacks


class HardLimit:
    """Fails a phase of a test after its limit, and ends the process if that does not help.

    The phases are its fixtures, its body and the tidying up.

    threads: one, the main thread (signals are delivered there).
    """

    def __init__(self):
        self._stderr = os.fdopen(os.dup(2), "w")
        self.on_expiry = []

    def seconds(self, item):
        mark = item.get_closest_marker("timeout")
        seconds = mark.args[0] if mark else DEFAULT_SECONDS
        if item.get_closest_marker("soak"):
            seconds += (
                60 * item.config.getoption("--soak") + bool(item.config.getoption("--soak")) * 600
            )
        return seconds

    @contextlib.contextmanager
    def around(self, item):
        """Apply the limit of `item` to the body of the with statement, a phase of the test."""
        seconds = self.seconds(item)
        previous = signal.signal(signal.SIGALRM, lambda *_: self._expire(seconds))
        faulthandler.dump_traceback_later(seconds + _GRACE, exit=True, file=self._stderr)
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()
            signal.signal(signal.SIGALRM, previous)

    def _expire(self, seconds):
        with tempfile.TemporaryFile("w+") as stacks:
            faulthandler.dump_traceback(file=stacks)
            stacks.seek(0)
            text = stacks.read()
        for action in self.on_expiry:
            action()
        pytest.fail(f"no end after {seconds} s\n{text}", pytrace=False)
