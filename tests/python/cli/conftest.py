"""The program `sinew`, the part in C++, as a process."""

import socket
import subprocess

import pytest

from harness.cpp_server import CppServer, built


@pytest.fixture(scope="session")
def program():
    """The path of the program."""
    return built("bin/sinew")


@pytest.fixture
def sinew(program, tmp_path):
    """A function that runs the program with arguments, in an empty folder, until it ends."""

    def run(*arguments, **options):
        chosen = {"cwd": tmp_path, "stdin": subprocess.DEVNULL, "timeout": 25, **options}
        return subprocess.run(
            [program, *map(str, arguments)], capture_output=True, text=True, check=False, **chosen
        )

    return run


@pytest.fixture
def said(sinew):
    """A function that runs the program, which has to do well; returns what it printed."""

    def run(*arguments, **options):
        done = sinew(*arguments, **options)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


@pytest.fixture
def complaint(sinew):
    """A function that runs the program, which has to fail with a code; returns its one line."""

    def run(code, *arguments, **options):
        done = sinew(*arguments, **options)
        assert done.returncode == code, done.stderr
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr.rstrip("\n")

    return run


@pytest.fixture(scope="module")
def cpp_uri():
    """Where a C++ server listens; it ends with the module."""
    server = CppServer()
    yield f"tcp://127.0.0.1:{server.port}"
    server.end()


@pytest.fixture
def classic_uri(serve):
    """Where a classic server listens, ours or stock's."""
    return f"tcp://127.0.0.1:{serve('classic:slave').port}"


@pytest.fixture
def free_port():
    """A port that nobody listens at."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # taken, but not listening: connections are refused
        yield sock.getsockname()[1]
