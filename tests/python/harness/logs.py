"""What a server logs, to be looked at."""

import logging

from harness.waiting import eventually


class Log(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())

    def wait_for(self, text):
        """Return the first line that has the text in it."""
        return eventually(
            lambda: next((line for line in list(self.lines) if text in line), None),
            what=f"{text!r} in {self.lines}",
        )
