"""A line between two namespaces: the client at one end, a server at the other."""

import contextlib

import pytest

from harness import network

SERVICE = "gates:gates"


@pytest.fixture(scope="module")
def one_line():
    reason = network.why_not()
    if reason:
        pytest.skip(reason)
    line = network.Line()
    yield line
    line.close()


@pytest.fixture
def line(one_line):
    """The line, in good order at the beginning of each test."""
    one_line.heal()
    return one_line


@pytest.fixture
def serve_there(line, serve):
    """A function `serve_there(**config) -> ServerProcess`: a server at the other end."""

    def start(**config):
        with line.there:
            options = {"hostname": line.there.address}
            return serve(SERVICE, fresh=True, config=config, options=options)

    return start


@pytest.fixture
def connect_over(line, rpyc, client_config):
    """A function `connect_over(server, nearby=False, **config) -> Connection`.

    `nearby` connects beside the line, from where the server is.
    """
    opened = []

    def connect(server, *, nearby=False, **config):
        with line.there if nearby else line.here:
            address = line.there.address
            conn = rpyc.connect(address, server.port, config={**client_config, **config})
        opened.append(conn)
        return conn

    yield connect
    line.heal()
    for conn in opened:
        with contextlib.suppress(Exception):  # its peer may be gone
            conn._config["sync_request_timeout"] = 2
            conn.close()
