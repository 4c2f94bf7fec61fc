"""A service whose calls end when the test says so, through another connection."""

import collections
import threading

_GATES = collections.defaultdict(threading.Event)
_ENTERED = collections.defaultdict(threading.Event)


def gates(rpyc):
    """Calls that wait at a named gate, and calls that open gates."""

    class Gates(rpyc.Service):
        clients = 0

        def on_connect(self, conn):
            self.conn = conn
            self.log = []
            Gates.clients += 1

        def on_disconnect(self, conn):
            Gates.clients -= 1

        def exposed_clients(self):
            return Gates.clients

        def exposed_wait(self, gate, value=None):
            """Return `value` once the gate is open."""
            _ENTERED[gate].set()
            if not _GATES[gate].wait(60):
                raise TimeoutError("the gate stayed shut")
            return value

        def exposed_wait_and_fail(self, gate):
            self.exposed_wait(gate)
            raise ValueError("after the gate")

        def exposed_open(self, gate):
            _GATES[gate].set()

        def exposed_entered(self, gate, timeout=5.0):
            """Tell whether a call reaches the gate within `timeout` seconds."""
            return _ENTERED[gate].wait(timeout)

        def exposed_add(self, a, b=0):
            return a + b

        def exposed_fail(self):
            raise KeyError("failed")

        def exposed_note(self, item):
            self.log.append(item)

        def exposed_notes(self):
            return tuple(self.log)

        def exposed_call(self, function, *args, **kwargs):
            return function(*args, **kwargs)

        def exposed_call_later(self, function, gate):
            """Call from another thread of this process, once the gate is open."""
            call = rpyc.async_(function)

            def run():
                _GATES[gate].wait(60)
                call("later")

            threading.Thread(target=run, daemon=True).start()

        def exposed_repeat(self, function, times):
            return [function(index) for index in range(times)][-1]

        def exposed_bounce(self, function, depth):
            """Call the client `depth` levels deep, each level through both sides."""
            return function(self.exposed_bounce, depth) if depth else ("bottom",)

        def exposed_thread_name(self):
            return threading.current_thread().name

        def exposed_echo(self, value):
            return value

        def exposed_size(self, data):
            return len(data)

        def exposed_blob(self, size):
            return bytes(size)

        def exposed_read(self, thing, name):
            return getattr(thing, name)

        def exposed_keep(self, thing):
            self.kept = thing

        def exposed_call_kept(self, *args):
            return self.kept(*args)

    return Gates
