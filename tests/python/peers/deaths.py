"""The gates, and what is left of connections whose other side has died."""

import gc
import weakref

from peers import gates as gates_module


class Thing:
    """Lent to clients."""


def deaths(rpyc):
    """Lend and borrow, and count what connections other than the caller's still hold."""
    connections = weakref.WeakSet()

    class Deaths(gates_module.gates(rpyc)):
        def on_connect(self, conn):
            super().on_connect(conn)
            connections.add(conn)

        def exposed_lend(self, count):
            return tuple(Thing() for _ in range(count))

        def exposed_left(self):
            """Return how many connections there are beside this one, and how many references."""
            gc.collect()
            others = [conn for conn in list(connections) if conn is not self.conn]
            things = sum(isinstance(one, Thing) for one in gc.get_objects())
            return len(others), things

    return Deaths
