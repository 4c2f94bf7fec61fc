"""The service of the demonstration: a lab with instruments, as its author would write it."""

import collections
import itertools
import threading

_READY = collections.defaultdict(threading.Event)


class Instrument:
    """Lives on the server; clients hold references to it."""

    def __init__(self, name):
        self.exposed_name = name
        self.offset = 0.5

    def exposed_read(self):
        """Return what the instrument shows: 20 and its error."""
        return 20 + self.offset

    def exposed_correct(self, amount):
        self.offset -= amount

    def exposed_calibrate(self, adjust, limit):
        """Call the client's `adjust(instrument, reading)` until the error is within `limit`.

        The client calls us back from within. Returns how often it was called.
        """
        calls = 0
        while abs(self.offset) > limit:
            adjust(self, self.exposed_read())
            calls += 1
        return calls


def lab_service(rpyc):
    """Return the service class on top of the given RPyC."""

    class LabService(rpyc.Service):
        ALIASES = ("LAB",)

        def on_connect(self, conn):
            self.log = {"oven": [21.5, 22.0, 22.5], "lamp": [0, 40]}
            self.produced = 0

        def exposed_open(self, name):
            return Instrument(name)

        def exposed_scan(self, points, on_sample):
            """Call the client's `on_sample(index, value)` for each point; return the sum."""
            return sum(on_sample(index, index * index) for index in range(points))

        def exposed_report_to(self, recorder):
            """Call methods of an object that lives on the client."""
            recorder.note("oven", 22.5)
            recorder.note("lamp", 40)
            return recorder.count()

        def exposed_double(self, value):
            return 2 * value

        def exposed_settle(self, name):
            """Return when another client says that `name` is ready."""
            if not _READY[name].wait(10):
                raise TimeoutError(f"{name} was never ready")
            return f"{name} settled"

        def exposed_say_ready(self, name):
            _READY[name].set()

        def exposed_readings(self):
            """Yield readings without end, made when they are asked for."""
            for number in itertools.count(1):
                self.produced = number
                yield number / 4

        def exposed_produced(self):
            return self.produced

        def exposed_log_book(self):
            return self.log

    return LabService
