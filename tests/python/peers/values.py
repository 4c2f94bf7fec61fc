"""A service that sends back what it got, every way that the wire has."""


def values(rpyc):
    class Values(rpyc.Service):
        def exposed_back(self, value):
            """Return the value, and how its type is called here: a proxy's is another."""
            return type(value).__name__, value

        def exposed_call(self, function, value):
            return function(value)

        def exposed_fail(self, value):
            raise LookupError(value)

    return Values
