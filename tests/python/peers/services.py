"""Services that show how classes, instances, names and hooks behave."""

import threading

from harness.impls import submodule


class Journal:
    """Events of this process, readable by a later connection."""

    def __init__(self):
        self._events = []
        self._changed = threading.Condition()

    def add(self, event):
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def wait_for(self, event, timeout=5.0):
        """Tell whether the event happens within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: event in self._events, timeout)

    def count(self, event):
        with self._changed:
            return self._events.count(event)


JOURNAL = Journal()


def _counter_class(rpyc):
    class CounterService(rpyc.Service):
        """Counts calls, and tells the journal about its connections."""

        def __init__(self, start=0):
            self.count = start

        def on_connect(self, conn):
            JOURNAL.add("connect")

        def on_disconnect(self, conn):
            JOURNAL.add("disconnect")

        def exposed_increment(self):
            self.count += 1
            return self.count

        def exposed_journal_has(self, event, timeout=5.0):
            return JOURNAL.wait_for(event, timeout)

        def exposed_journal_count(self, event):
            return JOURNAL.count(event)

    return CounterService


def per_connection(rpyc):
    """A class: one instance per connection."""
    return _counter_class(rpyc)


def shared(rpyc):
    """An instance: all connections share it."""
    return _counter_class(rpyc)(start=100)


def partial(rpyc):
    """A class with bound constructor arguments: one instance per connection."""
    return submodule(rpyc, "utils.helpers").classpartial(_counter_class(rpyc), start=1000)


def aliased(rpyc):
    """A service with names of its own."""

    class Aliased(rpyc.Service):
        ALIASES = ("first", "Second")

    return Aliased


def named(rpyc):
    """A service that takes its name from its class."""

    class TemperatureService(rpyc.Service):
        pass

    return TemperatureService


def decorated(rpyc):
    """Members exposed by decorators instead of by name."""

    @rpyc.service
    class Decorated(rpyc.Service):
        @rpyc.exposed
        def plain(self):
            return "plain"

        @rpyc.exposed("other_")
        def elsewhere(self):
            return "elsewhere"

        @rpyc.exposed
        class Nested:
            @rpyc.exposed
            def inside(self):
                return "inside"

            def hidden(self):
                return "hidden"

        def unexposed(self):
            return "unexposed"

        @classmethod
        @rpyc.exposed
        def of_class(cls):
            return cls.__name__

    return Decorated


def two_faced(rpyc):
    """The server uses what the client's service exposes."""

    class TwoFaced(rpyc.Service):
        def on_connect(self, conn):
            self.client = conn

        def exposed_ask_client(self, question):
            return self.client.root.answer(question)

        def exposed_client_name(self):
            return self.client.root.get_service_name()

    return TwoFaced


def eager(rpyc):
    """Uses the client's service while the connection is being made."""

    class Eager(rpyc.Service):
        greeting = None  # until the client has answered: its own calls may be served before

        def on_connect(self, conn):
            self.greeting = conn.root.answer("hello")

        def exposed_greeting(self):
            return self.greeting

    return Eager


def custom_protocol(rpyc):
    """A service whose connections are of a class of its own."""

    class Tagged(submodule(rpyc, "core.protocol").Connection):
        tag = "tagged connection"

    class CustomProtocol(rpyc.Service):
        _protocol = Tagged

        def on_connect(self, conn):
            self.conn = conn

        def exposed_tag(self):
            return self.conn.tag

    return CustomProtocol
