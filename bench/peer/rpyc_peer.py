"""The adapter of everything that is RPyC: ours and stock differ in the imported package only.

A method of `Client` is a measurement: it does `count` operations the way a user writes them and
returns seconds for each, or what its comment says.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import tempfile
import threading
from collections import deque
from pathlib import Path
from time import perf_counter

from service import bench_service

_FOLDER = "/dev/shm" if os.path.isdir("/dev/shm") else None
_IN_FLIGHT = 64
_ECHO_SIZE = 64 * 1024
_BIG_SIZE = 80_000_000
_MIB = 1024 * 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")


def serve(package: str, kind: str) -> dict[str, int]:
    """Start to serve in threads and return the ports by name.

    `kind` is "bench" (a threaded server and a classic one), "threaded" or "pooled".
    """
    rpyc = importlib.import_module(package)
    server = importlib.import_module(f"{package}.utils.server")
    ports = {}

    def start(name, server_class, service):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        made = server_class(service, hostname="127.0.0.1", port=0, logger=logger)
        made._start_in_thread()
        ports[name] = made.port

    pooled = kind == "pooled"
    start(
        "bench", server.ThreadPoolServer if pooled else server.ThreadedServer, bench_service(rpyc)
    )
    if kind == "bench":
        start("classic", server.ThreadedServer, rpyc.SlaveService)
    return ports


class Client:
    """A connection to a bench service."""

    def __init__(self, package: str, ports: dict[str, int]):
        self.rpyc = importlib.import_module(package)
        self.ports = ports
        self.conn = self.rpyc.connect("127.0.0.1", ports["bench"])
        self.foo = self.conn.root.foo
        self.note = lambda number: None
        self.thing = self.conn.root.thing()
        self.idle = []

    def root_call(self, count):
        conn = self.conn
        start = perf_counter()
        for _ in range(count):
            conn.root.foo(1)
        return (perf_counter() - start) / count

    def hoisted_call(self, count):
        foo = self.foo
        start = perf_counter()
        for _ in range(count):
            foo(1)
        return (perf_counter() - start) / count

    def attribute(self, count):
        thing = self.thing
        start = perf_counter()
        for _ in range(count):
            thing.attr  # noqa: B018 - the access is what is measured
        return (perf_counter() - start) / count

    def classic_ls(self, count):
        """List `count` files: two calls, a read and releases for each, on a new connection.

        That is where Nagle's algorithm bites whoever lets it.
        """
        with (
            tempfile.TemporaryDirectory(prefix="sinew-bench-", dir=_FOLDER) as folder,
            self.rpyc.classic.connect("127.0.0.1", self.ports["classic"]) as conn,
        ):
            for number in range(count):
                Path(folder, f"{number}.txt").write_text("some text")
            remote = conn.modules.os
            size = 0
            start = perf_counter()
            for name in remote.listdir(folder):
                path = f"{folder}/{name}"
                entry = remote.stat(path)
                if not remote.path.isdir(path):
                    size += entry.st_size
            seconds = perf_counter() - start
        if size != count * len("some text"):
            raise AssertionError("the sizes are wrong")
        return seconds / count

    def callback(self, count):
        repeat = self.conn.root.repeat
        start = perf_counter()
        repeat(self.note, count)
        return (perf_counter() - start) / count

    def in_flight(self, count):
        """Keep 64 calls under way: whenever the oldest is answered, send another."""
        foo = self.rpyc.async_(self.foo)
        start = perf_counter()
        pending = deque(foo(1) for _ in range(_IN_FLIGHT))
        for _ in range(count - _IN_FLIGHT):
            pending.popleft().value  # noqa: B018 - waits
            pending.append(foo(1))
        for result in pending:
            result.value  # noqa: B018 - waits
        return (perf_counter() - start) / count

    def iterate(self, count):
        """Return the seconds for a whole list of `count` numbers."""
        numbers = self.conn.root.numbers(count)
        total = 0
        start = perf_counter()
        for number in numbers:
            total += number
        seconds = perf_counter() - start
        if total != count * (count - 1) // 2:
            raise AssertionError("the numbers are wrong")
        return seconds

    def echo(self, count):
        data, echo = os.urandom(_ECHO_SIZE), self.conn.root.echo
        start = perf_counter()
        for _ in range(count):
            answer = echo(data)
        seconds = perf_counter() - start
        if answer != data:
            raise AssertionError("the echo is wrong")
        return seconds / count

    def big_argument(self, count):
        size = self.conn.root.size
        data = os.urandom(_BIG_SIZE // 10) * 10
        start = perf_counter()
        for _ in range(count):
            if size(data) != len(data):
                raise AssertionError("the size is wrong")
        return (perf_counter() - start) / count

    def download(self, count):
        """Return MiB/s for a file of `count` MiB."""
        with (
            tempfile.TemporaryDirectory(prefix="sinew-bench-", dir=_FOLDER) as folder,
            self.rpyc.classic.connect("127.0.0.1", self.ports["classic"]) as conn,
        ):
            source, target = Path(folder, "source"), Path(folder, "target")
            source.write_bytes(os.urandom(count * _MIB))
            start = perf_counter()
            self.rpyc.classic.download(conn, str(source), str(target))
            seconds = perf_counter() - start
            if source.read_bytes() != target.read_bytes():
                raise AssertionError("the copy is wrong")
        return count / seconds

    def references(self, count):
        """Receive references to `count` new objects and release them; the peer knows at the end."""
        things, foo = self.conn.root.things, self.foo
        start = perf_counter()
        received = things(count)
        del received
        foo(1)  # releases may travel with the next request
        return (perf_counter() - start) / count

    def reference_bytes(self, count):
        """Return by how many bytes each held reference makes this process grow.

        Without the slot of the tuple that holds it.
        """
        chunk, slot = 1000, 8
        held = [None] * (count // chunk)
        things = self.conn.root.things
        things(chunk)
        gc.collect()
        before = _resident_bytes()
        for index in range(len(held)):
            held[index] = things(chunk)
        return (_resident_bytes() - before) / (len(held) * chunk) - slot

    def inspections(self, count):
        """Return how many class descriptions are asked for while `count` objects arrive."""
        self.conn.root.count_inspections()
        received = self.conn.root.things(count)
        asked = self.conn.root.inspections()
        del received
        return asked

    def busy_call(self, count):
        """Return the mean of calls beside a thread that computes, within `count` milliseconds."""
        ready, stop = threading.Event(), False

        def compute():
            ready.set()
            number = 1
            while not stop:
                number = number * 3 % 1_000_003

        thread = threading.Thread(target=compute, daemon=True)
        thread.start()
        ready.wait()
        foo, calls = self.foo, 0
        start = perf_counter()
        until = start + count / 1e3
        while perf_counter() < until:
            foo(1)
            calls += 1
        seconds = perf_counter() - start
        stop = True
        thread.join()
        return seconds / calls

    def idle_threads(self, count):
        """Return how many threads `count` idle connections add to the server."""
        return self._added_by_idle(count, _server_threads)

    def idle_memory(self, count):
        """Return how many KB each of `count` idle connections adds to the server."""
        return self._added_by_idle(count, _resident_bytes) / count / 1024

    def _added_by_idle(self, count, gauge):
        self._open_idle(20)  # what the first clients cost is not what a client costs
        before = gauge(self.ports["pid"])
        self._open_idle(count)
        return gauge(self.ports["pid"]) - before

    def _open_idle(self, count):
        """Open connections, use each once, and keep them."""
        for _ in range(count):
            conn = self.rpyc.connect("127.0.0.1", self.ports["bench"])
            conn.root.foo(1)
            self.idle.append(conn)


def _resident_bytes(pid="self"):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def _server_threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))
