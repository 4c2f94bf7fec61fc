"""The limit of any server for a stock client: a C loop that answers every request with 1."""

from __future__ import annotations

import importlib
from time import perf_counter

import _floor
from listening import serve_in_threads

_ANSWER = bytes.fromhex("115151")  # the pair of LABEL_VALUE and 1, in brine


def serve(package: str, kind: str) -> dict[str, int]:
    """Serve in threads; return the port. Both arguments are of other adapters."""
    return {"bench": serve_in_threads(_serve_one)}


def _serve_one(sock):
    _floor.canned(sock.fileno(), _ANSWER)
    sock.close()


class Client:
    """A stock client, with a netref that it has not been sent. `package` is stock."""

    def __init__(self, package: str, ports: dict[str, int]):
        rpyc = importlib.import_module(package)
        self._conn = rpyc.connect("127.0.0.1", ports["bench"])
        # Of a class that every client knows, so that nothing is asked about it.
        self._netref = self._conn._netref_factory(("builtins.function", 1, 2))

    def hoisted_call(self, count):
        foo = self._netref
        start = perf_counter()
        for _ in range(count):
            foo(1)
        return (perf_counter() - start) / count

    def attribute(self, count):
        thing = self._netref
        start = perf_counter()
        for _ in range(count):
            thing.attr  # noqa: B018 - the access is what is measured
        return (perf_counter() - start) / count
