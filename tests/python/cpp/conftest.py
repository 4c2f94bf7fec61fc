"""A C++ server, and clients of it."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("SINEW_BUILD", ROOT / "build" / "release"))


class CppServer:
    """The program `cpp_peer` in a process of its own."""

    def __init__(self):
        program = BUILD / "cpp_peer"
        if not program.exists():
            pytest.skip(f"{program} is not built")
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline().decode().rpartition(":")[2])

    def end(self):
        """End it in good order; return what it said at the end."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        said = self.process.stdout.read().decode()
        self.process.stdout.close()
        assert self.process.wait(20) == 0
        return said.strip()


@pytest.fixture
def server():
    """A C++ server of this test; it ends in good order, and leaves nothing."""
    made = CppServer()
    yield made
    if made.process.returncode is None:
        assert made.end() == "living 0"


@pytest.fixture
def connect(lib, server):
    """A function that connects to the C++ server."""
    with contextlib.ExitStack() as opened:

        def make(**config):
            conn = lib.connect("127.0.0.1", server.port, config=config)
            opened.callback(conn.close)
            return conn

        yield make


@pytest.fixture
def root(connect):
    return connect().root
