"""A program on a terminal of its own: type to it, wait for what it shows."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness.waiting import eventually

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07")


class Terminal:
    """A process whose standard streams are a terminal. `shown` is the text that it has shown so
    far, `raw` is that with everything that is for the terminal itself.

    `wait_for(text)` waits until it has shown `text` behind what was waited for before.
    """

    LIMIT = 20.0

    def __init__(self, command, **environment):
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command],  # its controlling terminal: Ctrl-C is a signal
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment},
        )
        os.close(slave)
        self.shown = self.raw = ""
        self._looked = 0

    def type(self, text):
        """Type text, with \\n for the return key, \\x03 for Ctrl-C, \\x04 for Ctrl-D."""
        os.write(self._master, text.encode())

    def edit(self, text):
        """Type at the prompt of a line editor, once it takes single keys: before, the terminal
        itself shows what is typed, and the editor shows it again."""
        eventually(lambda: not termios.tcgetattr(self._master)[3] & termios.ICANON, self.LIMIT)
        self.type(text)

    def wait_for(self, text):
        """Wait until `text` is shown; return what was shown in front of it."""
        deadline = time.monotonic() + self.LIMIT
        while (found := self.shown.find(text, self._looked)) < 0:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} was not shown, but {self.shown[self._looked :]!r}")
        before = self.shown[self._looked : found]
        self._looked = found + len(text)
        return before

    def end(self):
        """Wait until it has ended; return its exit code."""
        deadline = time.monotonic() + self.LIMIT
        while self._read(deadline):
            pass
        return self.process.wait(self.LIMIT)

    def _read(self, deadline):
        """Read what comes; False at the end or after the deadline."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self._master], [], [], left)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other side is closed
            return False
        self.raw += data.decode(errors="replace")
        self.shown += _ESCAPES.sub("", data.decode(errors="replace"))
        return bool(data)

    def close(self):
        """End it, if it has not ended."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(self.LIMIT)
        os.close(self._master)
