"""Services that fail in every way an exception can reach the client."""

import builtins


class CustomError(Exception):
    """A class that the client can find, with attributes and a constructor of its own."""

    def __init__(self, code, detail):
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class UnprintableError(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def failures(rpyc):
    """Raise what the client asks for."""

    class Failures(rpyc.Service):
        def on_connect(self, conn):
            self.conn = conn

        def exposed_raise(self, name, *args):
            raise getattr(builtins, name)(*args)

        def exposed_custom(self, code=7, detail="detail"):
            raise CustomError(code, detail)

        def exposed_hidden_custom(self):
            class HiddenError(LookupError):
                colour = "red"

            raise HiddenError("not importable", object())

        def exposed_unprintable(self):
            raise UnprintableError

        def exposed_open_missing(self):
            return open("/no/such/file")

        def exposed_chained(self):
            try:
                _ = 1 / 0
            except ZeroDivisionError as first:
                raise KeyError("second") from first

        def exposed_deep(self, depth):
            if depth:
                return self.exposed_deep(depth - 1)
            raise ValueError("deep")

        def exposed_call(self, function, *args):
            return function(*args)

        def exposed_catch(self, function):
            """Call, and tell the name and the text of what the peer's function raised."""
            try:
                function()
            except Exception as error:
                return type(error).__name__, str(error), isinstance(error, KeyError)
            return None

        def exposed_with_attributes(self):
            error = RuntimeError("noted")
            error.number = 5
            error.structure = [1, 2]
            error._private = "unseen"
            raise error

        def exposed_group(self):
            raise builtins.ExceptionGroup("several", [ValueError(1), KeyError(2)])

        def exposed_configure(self, key, value):
            self.conn._config[key] = value

    return Failures
