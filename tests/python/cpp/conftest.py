"""A C++ server, and clients of it."""

import contextlib
import os
import re
import subprocess
import sys

import pytest

from harness.cpp_server import BUILD, ROOT, CppServer
from harness.impls import OURS, extra_path
from harness.presence import require

__all__ = ["BUILD", "ROOT"]  # for the tests beside it


@pytest.fixture
def server(request):
    """A C++ server of this test, with the arguments it is parametrized with; it ends in good order,
    and leaves nothing."""
    made = CppServer(*getattr(request, "param", ()))
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


def port_in(stream):
    """Return the port in the next line, which says where a program listens."""
    line = stream.readline()
    found = re.search(r"tcp://127\.0\.0\.1:(\d+)", line)
    assert found, line
    return int(found[1])


@pytest.fixture
def start():
    """A function that starts a program with pipes; it is killed with the test."""
    started = []

    def start_program(*command, **options):
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        words = [str(word) for word in command]
        started.append(subprocess.Popen(words, text=True, **{**pipes, **options}))
        return started[-1]

    yield start_program
    for program in started:
        program.kill()
        with contextlib.suppress(BrokenPipeError), program:
            pass  # closes the pipes


@pytest.fixture
def example(start):
    """A function that starts a program of examples/cpp."""

    def start_example(name, *arguments):
        program = BUILD / "examples" / name
        if not program.exists():
            pytest.skip(f"{program} is not built")
        return start(program, *arguments)

    return start_example


@pytest.fixture
def script(start, impl):
    """A function that runs a script of examples/cpp, whose `import rpyc` is that of this run."""
    require(impl)
    folders = [ROOT / "shims"] if impl == OURS else extra_path()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}

    def start_script(*command, **variables):
        named = {name.upper(): value for name, value in variables.items()}
        return start(
            sys.executable,
            *command,
            cwd=ROOT / "examples" / "cpp",
            env={**environment, **named},
        )

    return start_script
