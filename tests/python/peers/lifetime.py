"""A service that reports which of its objects are still alive."""

import gc
import weakref


class Tracked:
    """Known to the service as long as anything refers to it."""

    living: weakref.WeakSet = weakref.WeakSet()  # noqa: RUF012
    deleted = 0

    def __init__(self, number=0):
        self.number = number
        Tracked.living.add(self)

    def __del__(self):
        Tracked.deleted += 1


def tracker(rpyc):
    """Hand out tracked objects and keep, drop and count references."""

    class Tracker(rpyc.Service):
        def on_connect(self, conn):
            self.conn = conn
            self.kept = []
            self.shared = Tracked(-1)

        def exposed_make(self, count=None):
            if count is None:
                return Tracked()
            return tuple(Tracked(n) for n in range(count))

        def exposed_make_of_new_class(self):
            """What a client has to ask about before it can make a netref of it."""
            return type("Novel", (Tracked,), {})()

        def exposed_same(self):
            return self.shared

        def exposed_living(self):
            gc.collect()
            return len(Tracked.living) - 1

        def exposed_deleted(self):
            return Tracked.deleted

        def exposed_number(self, tracked):
            return tracked.number

        def exposed_keep(self, thing):
            self.kept.append(thing)

        def exposed_drop(self):
            self.kept.clear()
            gc.collect()

        def exposed_echo(self, thing):
            return thing

        def exposed_touch(self, thing):
            return thing is not None

        def exposed_cycle(self):
            first, second = Tracked(), Tracked()
            first.other, second.other = second, first
            return first

    return Tracker
