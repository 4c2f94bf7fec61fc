"""What the programs in examples/cpp are clients of."""


def greeter(rpyc):
    """Return the service of hello_client."""

    class Greeter(rpyc.Service):
        def exposed_hello(self, name):
            return f"Hello, {name}!"

    return Greeter
