"""What the build has made: programs in C++."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("SINEW_BUILD", ROOT / "build" / "release"))


def built(name):
    """Return the path of a program of the build; skip the test where it is not built."""
    program = BUILD / name
    if not program.exists():
        pytest.skip(f"{program} is not built")
    return program


class CppServer:
    """The program `cpp_peer` in a process of its own."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [built("cpp_peer"), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.port = int(self.process.stdout.readline().decode().rpartition(":")[2])

    def end(self):
        """End it in good order; return what it said at the end."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        said = self.process.stdout.read().decode()
        self.process.stdout.close()
        assert self.process.wait(20) == 0
        return said.strip()
