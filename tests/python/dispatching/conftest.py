"""Servers in this process that run their calls where a dispatcher says, and their clients."""

import threading
from contextlib import ExitStack
from typing import ClassVar

import pytest

from harness.waiting import Worker


@pytest.fixture
def ours():
    """Our package: whatever serves with a dispatcher, or waits with one."""
    sinew = pytest.importorskip("sinew")
    if not hasattr(sinew, "dispatch"):
        pytest.skip("sinew is not built")
    return sinew


class Thing:
    """Notes the thread on which each of its special methods runs."""

    def __init__(self, journal):
        self._journal = journal

    def _note(self, what):
        self._journal.append((what, threading.get_ident()))

    @property
    def exposed_attribute(self):
        self._note("attribute")
        return 1

    def exposed_method(self):
        self._note("method")

    def __str__(self):
        self._note("str")
        return "thing"

    def __repr__(self):
        self._note("repr")
        return "<thing>"

    def __hash__(self):
        self._note("hash")
        return 7

    def __eq__(self, other):
        self._note("eq")
        return True

    def __enter__(self):
        self._note("enter")
        return self

    def __exit__(self, *_):
        self._note("exit")

    def __iter__(self):
        self._note("iter")
        return iter((1, 2))

    def __len__(self):
        self._note("len")
        return 2

    def __del__(self):
        self._note("del")


@pytest.fixture
def work(ours):
    """A service class with a journal, gates, and calls back."""

    class Work(ours.rpyc.Service):
        journal: ClassVar = []
        gate = threading.Event()
        entered = threading.Semaphore(0)
        at_once = 0
        most_at_once = 0
        total = 0

        def on_connect(self, conn):
            self.conn = conn
            self.journal.append(("connect", threading.get_ident()))

        def on_disconnect(self, conn):
            self.journal.append(("disconnect", threading.get_ident()))

        def exposed_where(self):
            return threading.get_ident()

        def exposed_add(self, a, b):
            return a + b

        def exposed_note(self, item):
            self.journal.append(item)

        def exposed_large(self):
            return bytes(30 << 20)

        def exposed_fail(self):
            raise KeyError("failed")

        def exposed_wait(self):
            """Wait for the gate; tell how many do so at once."""
            cls = type(self)
            cls.at_once += 1
            cls.most_at_once = max(cls.most_at_once, cls.at_once)
            cls.entered.release()
            assert cls.gate.wait(20), "the gate stayed shut"
            cls.at_once -= 1
            return threading.get_ident()

        def exposed_count(self):
            """Add one, in a way that loses counts where two do so at once."""
            cls = type(self)
            cls.at_once += 1
            cls.most_at_once = max(cls.most_at_once, cls.at_once)
            seen = cls.total
            threading.Event().wait(0.0002)  # others may come in now
            cls.total = seen + 1
            cls.at_once -= 1

        def exposed_thing(self):
            return Thing(self.journal)

        def exposed_length(self, thing):
            return len(thing)

        def exposed_call(self, function, *args):
            return function(*args)

        def exposed_call_later(self, function, *args):
            """Call back without waiting, do something else, and wait."""
            result = ours.async_(function)(*args)
            for _ in range(50):
                threading.Event().wait(0.0002)
            return result.value

        def exposed_nest(self, function, depth):
            """Call back `depth` times, each inside the other; return the threads of this side."""
            here = (threading.get_ident(),)
            return here + tuple(function(depth - 1)) if depth else here

    return Work


@pytest.fixture
def served(ours, work):
    """A function `served(dispatcher, service=..., **options)` that starts a server."""
    with ExitStack() as stack:

        def start(dispatcher, service=work, server="ThreadedServer", **options):
            stack.callback(dispatcher.close)
            kind = getattr(ours.rpyc.utils.server, server)
            running = kind(service, hostname="127.0.0.1", port=0, dispatcher=dispatcher, **options)
            thread = running._start_in_thread()
            stack.callback(thread.join, 10)
            stack.callback(running.close)
            return running

        yield start


@pytest.fixture
def loop(ours):
    """A MainLoop that a thread drains; `loop.drainer` is the thread's identity."""
    made = ours.dispatch.MainLoop()
    worker = Worker(made.run_forever)
    made.drainer = worker.ident
    yield made
    made.close()
    worker.result()


@pytest.fixture
def patient():
    """The configuration of clients that give up sooner than the test does."""
    return {"sync_request_timeout": 15}


@pytest.fixture
def connect_here(connect_to, patient):
    """A function that connects a client of this run to a server of `served`."""

    def connect(server, **settings):
        settings["config"] = {**patient, **settings.get("config", {})}
        return connect_to(server, **settings)

    return connect
