"""Services whose connections are of classes that change how requests are served."""

from harness.impls import submodule

OWN_REQUEST = 77


def _bases(rpyc):
    return submodule(rpyc, "core.protocol").Connection, submodule(rpyc, "core.consts")


def _served_by(rpyc, protocol):
    class Service(rpyc.Service):
        _protocol = protocol

        def on_connect(self, conn):
            self.conn = conn
            self.exposed_items = [1, 2]

        def exposed_add(self, a, b):
            return a + b

        def exposed_fail(self):
            raise LookupError("failed")

        def exposed_seen(self):
            """Return what the connection has noted."""
            return tuple(self.conn.seen)

    return Service


def _assigning(rpyc, assign):
    """A service whose connections have `assign(conn, handlers)` change what serves them."""
    connection, _ = _bases(rpyc)

    class Assigning(connection):
        tag = "tagged"

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.seen = []
            assign(self, self._HANDLERS)

    return _served_by(rpyc, Assigning)


def assigned(rpyc):
    """An entry of the handlers is assigned."""
    consts = submodule(rpyc, "core.consts")

    def answer(conn, data):
        if data == "fail":
            raise KeyError(data)
        return conn.tag, data

    def assign(_, handlers):
        handlers[consts.HANDLE_PING] = answer

    return _assigning(rpyc, assign)


def numbered(rpyc):
    """A request of its own has a number that the protocol does not define."""

    def assign(_, handlers):
        handlers[OWN_REQUEST] = lambda conn, data: (conn.tag, data)

    return _assigning(rpyc, assign)


def updated(rpyc):
    """Entries are changed by `update`."""
    consts = submodule(rpyc, "core.consts")
    return _assigning(
        rpyc, lambda _, handlers: handlers.update({consts.HANDLE_PING: lambda conn, _: conn.tag})
    )


def exchanged(rpyc):
    """Another dictionary takes the place of the handlers."""
    consts = submodule(rpyc, "core.consts")

    def assign(conn, handlers):
        conn._HANDLERS = {**handlers, consts.HANDLE_PING: lambda conn, _: conn.tag}

    return _assigning(rpyc, assign)


def wrapped(rpyc):
    """The handler that was there is called by the one in its place."""
    consts = submodule(rpyc, "core.consts")

    def assign(conn, handlers):
        original = handlers[consts.HANDLE_PING]

        def answer(conn, data):
            return "wrapped", original(conn, data)

        handlers[consts.HANDLE_PING] = answer

    return _assigning(rpyc, assign)


def removed(rpyc):
    """An entry is removed: the request is refused."""
    consts = submodule(rpyc, "core.consts")
    return _assigning(rpyc, lambda _, handlers: handlers.pop(consts.HANDLE_PING))


def extended(rpyc):
    """The class method that makes the handlers is extended."""
    connection, consts = _bases(rpyc)

    class Extended(connection):
        @classmethod
        def _request_handlers(cls):
            handlers = super()._request_handlers()
            handlers[consts.HANDLE_PING] = cls._answer
            handlers[OWN_REQUEST] = cls._answer
            return handlers

        def _answer(self, data):
            return "own", data

    return _served_by(rpyc, Extended)


def overriding(rpyc):
    """The methods that serve requests are overridden; each notes its name and goes on."""
    connection, _ = _bases(rpyc)

    def noting(name):
        def method(self, *args):
            self.seen.append(name)
            return getattr(connection, name)(self, *args)

        return method

    class Overriding(connection):
        def __init__(self, *args, **kwargs):
            self.seen = []
            super().__init__(*args, **kwargs)

    requests = "ping getroot getattr call str repr hash dir inspect cmp buffiter".split()
    for name in (*(f"_handle_{request}" for request in requests), "_check_attr", "_box_exc"):
        setattr(Overriding, name, noting(name))
    return _served_by(rpyc, Overriding)
