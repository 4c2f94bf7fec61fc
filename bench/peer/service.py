"""The service that is measured: the same class on top of any RPyC."""

from __future__ import annotations

import importlib


class Thing:
    """An object that clients get references to."""

    def __init__(self, number: int):
        self.exposed_attr = number


def bench_service(rpyc):
    """Return the service class on top of the given package."""
    consts = importlib.import_module(f"{rpyc.__name__}.core.consts")

    class BenchService(rpyc.Service):
        def on_connect(self, conn):
            self.conn = conn
            self.inspections = 0

        def exposed_foo(self, value):
            return value

        def exposed_thing(self):
            return Thing(5)

        def exposed_numbers(self, count):
            return list(range(count))

        def exposed_repeat(self, function, count):
            for number in range(count):
                function(number)

        def exposed_echo(self, data):
            return data

        def exposed_size(self, data):
            return len(data)

        def exposed_things(self, count):
            return tuple(Thing(number) for number in range(count))

        def exposed_count_inspections(self):
            """From now on count the requests for class descriptions (stock only)."""
            handlers = self.conn._HANDLERS
            original = handlers[consts.HANDLE_INSPECT]

            def inspect(conn, *args):
                self.inspections += 1
                return original(conn, *args)

            self.conn._HANDLERS = {**handlers, consts.HANDLE_INSPECT: inspect}

        def exposed_inspections(self):
            return self.inspections

    return BenchService
