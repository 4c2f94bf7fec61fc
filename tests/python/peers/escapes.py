"""A service with secrets next to what it exposes: for peers that try to get at them."""

import copy
import types

SECRET = "the crown jewels"
TOUCHED = []  # what should never have happened


def vault(rpyc):
    """Objects of every kind that leads somewhere in Python."""

    class Text(str):
        """A str that is lent, not copied."""

        __slots__ = ()

    class Box:
        """An ordinary object."""

        secret = SECRET
        _private = SECRET
        exposed_open = "open"

        def __init__(self):
            self.own_secret = SECRET
            self.exposed_value = 1

        @property
        def guarded(self):
            TOUCHED.append("property read")
            return SECRET

        @guarded.setter
        def guarded(self, value):
            TOUCHED.append("property written")

        def method(self):
            TOUCHED.append("method called")
            return SECRET

        def __reduce__(self):
            TOUCHED.append("reduced")
            return (str, (SECRET,))

        def __array__(self, *args):
            TOUCHED.append("array made")
            return [SECRET]

    def function(argument=SECRET):
        return argument and None

    def generator():
        local = SECRET
        yield 1
        yield local and 2

    def failing():
        local = SECRET
        raise ValueError(local and "failed")

    box = Box()

    def caught():
        try:
            failing()
        except ValueError as error:
            return error

    lent = {
        "box": box,
        "kind": Box,
        "function": function,
        "method": box.method,
        "generator": generator(),
        "text": Text("{0.__class__}"),
        "error": caught(),
        "module": types.ModuleType("lent"),
        "list": [1, 2],
        "property": Box.__dict__["guarded"],
        "meta": type,
        "builtin": len,
    }

    class Vault(rpyc.Service):
        secret = SECRET
        _private = SECRET

        def __init__(self):
            self.own_secret = SECRET

        def exposed_add(self, a, b):
            return a + b

        def exposed_lend(self, name):
            return lent[name]

        def exposed_touched(self):
            return tuple(TOUCHED)

        def exposed_array(self, value):
            import numpy  # noqa: PLC0415 - not every machine has it

            return str(numpy.array(value))

        def exposed_pickled(self, value):
            return str(copy.copy(value))

        def method(self):
            TOUCHED.append("method of the service called")

    return Vault()
