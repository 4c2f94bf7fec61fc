"""Servers of ours in this process that want a token, or not."""

import importlib
import logging

import pytest

from harness import impls
from harness.logs import Log
from harness.presence import require


@pytest.fixture
def sinew():
    require("ours")
    return importlib.import_module("sinew")


@pytest.fixture
def tokens(sinew):
    return importlib.import_module("sinew.tokens")


@pytest.fixture
def serve(sinew):
    """A function `serve(uri=..., **options)`: a server that adds; it has a `log` and a `place`."""
    serving = importlib.import_module("sinew.serving")
    started = []

    class Adder:
        @sinew.expose
        def add(self, a, b):
            return a + b

    def start(uri="tcp://127.0.0.1:0", **options):
        log = Log()
        logger = logging.Logger("tokens", logging.DEBUG)
        logger.addHandler(log)
        server = serving.make_server(Adder(), uri, logger=logger, **options)
        server.log = log
        server.place = str(serving.address_of(server))
        server._start_in_thread()
        started.append(server)
        return server

    yield start
    for server in started:
        server.close()


@pytest.fixture
def stock():
    """Stock RPyC."""
    require("stock")
    return impls.load("stock")
