"""Three processes in a row: a client, a middle one that connects on, and the end."""

import os


class Thing:
    """Made before the server forks: its number is the same in every process."""


def end(rpyc):
    """Served by a process of its own, which changes the class as it is told."""

    class End(rpyc.Service):
        def exposed_pid(self):
            return os.getpid()

        def exposed_sized(self):
            Thing.__len__ = lambda self: 5
            Thing.exposed_kind = "sized"
            return Thing()

        def exposed_indexed(self):
            Thing.__getitem__ = lambda self, index: index * 2
            Thing.exposed_kind = "indexed"
            return Thing()

        def exposed_kind_of_things(self):
            return Thing

        def exposed_call(self, function, value):
            return function(value)

        def exposed_same(self, one, other):
            return one is other

    return End()


def middle(rpyc):
    """Hand on what it gets from other servers."""

    class Middle(rpyc.Service):
        def __init__(self):
            self.conns = []

        def on_disconnect(self, conn):
            for other in self.conns:
                other.close()

        def exposed_reach(self, port):
            conn = rpyc.connect("127.0.0.1", port)
            self.conns.append(conn)
            return conn.root

        def exposed_same(self, one, other):
            return one is other

        def exposed_ids(self, netref):
            return netref.____id_pack__

    return Middle
