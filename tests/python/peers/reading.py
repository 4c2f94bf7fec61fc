"""Services whose connections read in a way of their own."""

import queue
import threading

from harness.impls import submodule


def _noting(rpyc, protocol):
    class Noting(rpyc.Service):
        _protocol = protocol

        def on_connect(self, conn):
            self.conn = conn

        def exposed_thread(self):
            """Return the name of the thread that serves this."""
            return threading.current_thread().name

        def exposed_seen(self):
            return tuple(self.conn.seen)

        def exposed_call(self, function):
            return function()

    return Noting


def on_one_thread(rpyc):
    """`serve_all` is overridden: requests run on a thread of the program's, as in a debugger."""
    connection = submodule(rpyc, "core.protocol").Connection
    tasks = queue.SimpleQueue()

    def work():
        while True:
            tasks.get()()

    threading.Thread(target=work, name="the program's own", daemon=True).start()

    class OnOneThread(connection):
        def serve_all(self):
            done = queue.SimpleQueue()
            try:
                while not self.closed:
                    tasks.put(lambda: done.put(self._step()))
                    done.get()
            finally:
                self.close()

        def _step(self):
            try:
                self.serve(0.05)
            except EOFError:
                self.close()

    return _noting(rpyc, OnOneThread)


def served(rpyc):
    """`serve` is overridden: what it did is noted."""
    connection = submodule(rpyc, "core.protocol").Connection

    class Served(connection):
        def __init__(self, *args, **kwargs):
            self.seen = []
            super().__init__(*args, **kwargs)

        def serve(self, *args, **kwargs):
            came = super().serve(*args, **kwargs)
            self.seen.append(came)
            return came

    return _noting(rpyc, Served)
