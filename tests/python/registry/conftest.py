"""Registries in threads of the test process."""

import contextlib
import socket
import threading

import pytest

from harness import impls
from harness.impls import submodule
from harness.presence import require
from harness.waiting import eventually

HOST = "127.0.0.1"


class Registry:
    """A running registry of one implementation: its server object, and clients for it."""

    def __init__(self, package, kind, server_class=None, **options):
        self._kind = kind
        module = submodule(impls.load(package), "utils.registry")
        make = server_class or getattr(module, f"{kind}RegistryServer")
        self.server = make(HOST, 0, **options)
        self.port = self.server.port
        self._thread = threading.Thread(target=self.server.start, daemon=True)
        self._thread.start()
        eventually(lambda: self.server.active)

    def client(self, package, **options):
        """Return a registrar of `package`, a module, that asks this registry."""
        module = submodule(package, "utils.registry")
        return getattr(module, f"{self._kind}RegistryClient")(HOST, self.port, **options)

    def send(self, data):
        """Send bytes to the registry and do not wait for an answer."""
        if self._kind == "UDP":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(data, (HOST, self.port))
        else:
            with socket.create_connection((HOST, self.port), 5) as sock:
                sock.sendall(data)

    def stop(self):
        if self.server.active:
            self.server.close()
            with contextlib.suppress(OSError):
                self.send(b"")  # stock looks whether it was closed when something comes
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture(params=["UDP", "TCP"])
def kind(request):
    """What the registry speaks over."""
    return request.param


@pytest.fixture
def start_registry(kind):
    """A function `start_registry(implementation, **options) -> Registry`."""
    with contextlib.ExitStack() as running:

        def start(implementation, **options):
            require(implementation)
            registry = Registry(implementation, kind, **options)
            running.callback(registry.stop)
            return registry

        yield start


@pytest.fixture
def registry(combo, start_registry):
    """A registry of the implementation that plays the server; it tells names."""
    return start_registry(combo.server, allow_listing=True)


@pytest.fixture
def registrar(rpyc, registry):
    """A client of the implementation that plays the client."""
    return registry.client(rpyc)
