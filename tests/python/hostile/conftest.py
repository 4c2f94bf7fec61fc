"""A server of ours, an honest client beside the hostile one, and what both do."""

import contextlib

import pytest

import wire


@pytest.fixture
def server(serve):
    return serve("gates:gates")


@pytest.fixture
def raw(server):
    """A hostile client that is connected."""
    with wire.Raw(server.port) as client:
        yield client


@pytest.fixture
def honest(server, connect_to):
    """A context manager: an honest client works before, during and after its block."""
    conn = connect_to(server)

    @contextlib.contextmanager
    def watch():
        assert conn.root.add(1, 2) == 3
        yield
        assert conn.root.add(3, 4) == 7
        assert connect_to(server).root.add(5, 6) == 11
        assert server.alive()

    return watch
