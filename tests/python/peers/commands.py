"""What the tests of the program `sinew` talk to."""


def lab(rpyc):
    """A service with something of each kind."""

    class Channel:
        """A channel of the scope."""

        def __init__(self, name):
            self._name = name

        def exposed_name(self):
            """Say its name."""
            return self._name

    class LabService(rpyc.Service):
        """An oscilloscope."""

        exposed_rate = 1000

        def exposed_add(self, a, b=2):
            """Add two numbers."""
            return a + b

        def exposed_total(self, numbers):
            return sum(numbers)

        def exposed_as_dict(self, mapping):
            return repr(dict(mapping))

        def exposed_table(self):
            return {"one": [1, "x"]}

        def exposed_channel(self, number):
            return Channel(["zero", "one"][number])

        def exposed_fail(self, text):
            raise ValueError(text)

        def hidden(self):
            return "hidden"

    return LabService
