"""Servers of ours in this process whose log can be read."""

import importlib
import logging

import pytest

from harness import impls
from harness.logs import Log
from harness.presence import require


@pytest.fixture
def local(made):
    """A function `local(authenticator=None, server=...)`: a server of ours; it has a `log`."""
    require("ours")
    rpyc = impls.load("ours")
    started = []

    class Adder(rpyc.Service):
        def exposed_add(self, a, b):
            return a + b

    def start(authenticator=None, server="ThreadedServer", service=Adder, **options):
        log = Log()
        logger = logging.Logger("tls", logging.DEBUG)
        logger.addHandler(log)
        kind = getattr(impls.submodule(rpyc, "utils.server"), server)
        made_server = kind(
            service, hostname="127.0.0.1", authenticator=authenticator, logger=logger, **options
        )
        made_server.log = log
        made_server._start_in_thread()
        started.append(made_server)
        return made_server

    yield start
    for server in started:
        server.close()


@pytest.fixture
def authenticator(made):
    """A function that makes an authenticator of ours that shows a certificate."""
    require("ours")
    kind = impls.submodule(impls.load("ours"), "utils.authenticators").SSLAuthenticator

    def make(name="server", **options):
        return kind(made.key(name), made.path(name), **options)

    return make


@pytest.fixture
def ours(made):
    require("ours")
    return impls.load("ours")


@pytest.fixture
def sinew(ours):
    return importlib.import_module("sinew")
