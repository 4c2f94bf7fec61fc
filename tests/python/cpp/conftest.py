"""A C++ server, and clients of it."""

import contextlib

import pytest

from harness.cpp_server import BUILD, ROOT, CppServer

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
