"""A service that can be asked for much."""


def greedy(rpyc):
    """Do what a client needs to meet a limit."""

    class Greedy(rpyc.Service):
        def exposed_add(self, a, b):
            return a + b

        def exposed_echo(self, value):
            return value

        def exposed_call(self, function, *args):
            return function(*args)

        def exposed_iterator(self, count):
            return iter(range(count))

        def exposed_new_class(self, number):
            return type(f"Class{number}", (), {})()

        def exposed_new_name(self, size):
            return type("N" * size, (), {})()

    return Greedy
