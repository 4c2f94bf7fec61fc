"""Second scenario: a service, with calls that go both ways, asynchronous ones and generators."""

from __future__ import annotations

from itertools import islice

from checks import equal, true

_IN_FLIGHT = 50


class Lab:
    """A connection to the lab service: `rpyc` is the package of the implementation."""

    def __init__(self, rpyc, port: int, config: dict):
        self.rpyc = rpyc
        self._port = port
        self._config = dict(config, allow_pickle=True)
        self._open = []
        self.conn = self.root = None

    def connect(self):
        """Return a new connection; closed with the lab."""
        conn = self.rpyc.connect("127.0.0.1", self._port, config=self._config)
        self._open.append(conn)
        return conn

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for conn in self._open:
            conn.close()


class Recorder:
    """Lives on the client; the server calls its exposed methods."""

    def __init__(self):
        self.notes = []

    def exposed_note(self, *note):
        self.notes.append(note)

    def exposed_count(self):
        return len(self.notes)


def connect(lab: Lab) -> str:
    lab.conn = lab.connect()
    lab.root = lab.conn.root
    equal(lab.root.get_service_name(), "LAB", "name of the service")
    equal(lab.root.double(21), 42, "its first answer")
    return "service LAB answers"


def server_calls_function(lab: Lab) -> str:
    seen = []

    def on_sample(index, value):
        seen.append((index, value))
        return value

    equal(lab.root.scan(10, on_sample), 285, "the sum of what we returned")
    equal(seen, [(index, index * index) for index in range(10)], "what we were called with")
    return "the server called our function 10 times"


def server_calls_object(lab: Lab) -> str:
    recorder = Recorder()
    equal(lab.root.report_to(recorder), 2, "what our method returned")
    equal(recorder.notes, [("oven", 22.5), ("lamp", 40)], "what was noted here")
    return "the server called methods of our object"


def both_directions(lab: Lab) -> str:
    instrument = lab.root.open("thermometer")
    readings = []

    def adjust(same, reading):
        readings.append(reading)
        equal(same.name, "thermometer", "the object we get back")
        same.correct(0.125)
        equal(instrument.read(), reading - 0.125, "read while the server waits for us")

    equal(instrument.calibrate(adjust, 0.0), 4, "calls until it was calibrated")
    equal(readings, [20.5, 20.375, 20.25, 20.125], "readings on the way")
    return "its object called us, we called it meanwhile"


def asynchronous(lab: Lab) -> str:
    arrived = []
    settle = lab.rpyc.async_(lab.root.settle)
    name = f"oven of {id(lab)} {lab.rpyc.__name__}"
    result = settle(name)
    result.add_callback(arrived.append)
    true(not result.ready and not arrived, "not there yet")
    lab.connect().root.say_ready(name)  # another client: this one's server is busy waiting
    equal(result.value, f"{name} settled", "the value")
    true(len(arrived) == 1 and arrived[0] is result, "our callback got the result, once")
    return "not ready, then ready; on_ready called once"


def many_in_flight(lab: Lab) -> str:
    double = lab.rpyc.async_(lab.root.double)
    order = []
    results = [double(number) for number in range(_IN_FLIGHT)]
    for result in results:
        result.add_callback(lambda ready: order.append(ready.value))
    values = [result.value for result in results]
    equal(values, [2 * number for number in range(_IN_FLIGHT)], "the values")
    equal(order, values, "the order of arrival")
    return f"{_IN_FLIGHT} calls at once, answers in order"


def generator(lab: Lab) -> str:
    readings = lab.root.readings()
    equal(list(islice(readings, 4)), [0.25, 0.5, 0.75, 1.0], "the first readings")
    equal(lab.root.produced(), 4, "readings made by the server so far")
    equal(next(readings), 1.25, "the next one")
    return "an endless one, made one by one on demand"


def containers(lab: Lab) -> str:
    book = lab.root.log_book()
    true(type(book) is not dict, "a reference at first")
    equal(book["oven"][-1], 22.5, "an item of the remote dictionary")
    copy = lab.rpyc.classic.obtain(book)
    true(type(copy) is dict, "obtain gives a real dict")
    equal(copy, {"oven": [21.5, 22.0, 22.5], "lamp": [0, 40]}, "its contents")
    book["oven"][0] = 20.0
    equal((book["oven"][0], copy["oven"][0]), (20.0, 21.5), "they are independent")
    return "a remote dict by reference, then by value"


STEPS = {
    "connect": connect,
    "our function": server_calls_function,
    "our object": server_calls_object,
    "both directions": both_directions,
    "async, on_ready": asynchronous,
    "async, many": many_in_flight,
    "generator": generator,
    "obtain": containers,
}
"""By name, in the order in which they run."""
