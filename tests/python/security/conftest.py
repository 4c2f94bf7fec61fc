"""A server as `sinew serve` makes it, in a process of its own, and what it costs."""

import importlib
import re
import subprocess
import sys

import pytest

from harness.presence import require
from harness.waiting import eventually

PROGRAM = """
import sinew
class Adder:
    @sinew.expose
    def add(self, a, b): return a + b
"""


@pytest.fixture
def sinew():
    require("ours")
    return importlib.import_module("sinew")


class Served:
    """A process that serves an adder, at `port` and `place`."""

    def __init__(self, folder, options=()):
        (folder / "lab.py").write_text(PROGRAM)
        self._log = folder / "log"  # no pipe: nobody reads it, and it may be much
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*options, sys.executable, "-m", "sinew", "serve", "lab:Adder", "tcp://127.0.0.1"],
                cwd=folder,
                stderr=log,
            )
        self.place = eventually(lambda: re.search(r"tcp://[^,]*(?=,)", self.log()), 10)[0]
        self.port = int(self.place.rpartition(":")[2])
        self.pid = self.process.pid

    def log(self):
        """Return what it has written so far."""
        return self._log.read_text()

    def stop(self):
        """Kill it."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(sinew, tmp_path):
    """A function `start(*prefix)`: a Served, whose command begins with `prefix`."""
    started = []

    def serve(*prefix):
        started.append(Served(tmp_path, prefix))
        return started[-1]

    yield serve
    for served in started:
        served.stop()
