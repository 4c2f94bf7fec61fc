"""Services whose connections refuse something, each by putting a method of its own in the place of
one of RPyC's, in one of several ways. `restricting:_handle_call` is a service whose connection
class overrides `_handle_call`; `restricting:assigned_handle_call` assigns it to each connection."""

from harness.impls import submodule


class Box:
    value = 1

    def __init__(self):
        self.left = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.left += 1
        return True


def refusing(rpyc, method):
    """A method that does what the connection does, until the service is locked: then it refuses."""
    connection = submodule(rpyc, "core.protocol").Connection
    original = getattr(connection, method)

    def refuse(self, *args, **kwargs):
        if getattr(self._local_root, "locked", False):
            raise PermissionError(f"refused by {method}")
        return original(self, *args, **kwargs)

    return refuse


def service_with(rpyc, protocol, prepare=lambda conn: None):
    class Restricting(rpyc.Service):
        _protocol = protocol

        def __init__(self):
            self.locked = False
            self.exposed_items = [1, 2, 3]
            self.exposed_box = Box()

        def on_connect(self, conn):
            self.conn = conn
            prepare(conn)

        def exposed_lock(self):
            """From now on what is restricted is refused."""
            self.locked = True

        def exposed_add(self, a, b):
            return a + b

        exposed_kind = Box

    return Restricting


def _overridden(rpyc, method):
    connection = submodule(rpyc, "core.protocol").Connection
    return service_with(rpyc, type("Refusing", (connection,), {method: refusing(rpyc, method)}))


def _assigned(rpyc, method):
    """The connection alone has the method."""
    connection = submodule(rpyc, "core.protocol").Connection

    def prepare(conn):
        function = refusing(rpyc, method)
        setattr(conn, method, lambda *args, **kwargs: function(conn, *args, **kwargs))

    return service_with(rpyc, connection, prepare)


def _entered(rpyc, method):
    """As before, by way of the connection's dictionary."""
    connection = submodule(rpyc, "core.protocol").Connection

    def prepare(conn):
        function = refusing(rpyc, method)
        vars(conn)[method] = lambda *args, **kwargs: function(conn, *args, **kwargs)

    return service_with(rpyc, connection, prepare)


def _patched(rpyc, method):
    """The method is assigned to the class when its connection is in use already."""
    connection = submodule(rpyc, "core.protocol").Connection
    protocol = type("Patched", (connection,), {})

    class Patching(service_with(rpyc, protocol)):
        def exposed_lock(self):
            setattr(protocol, method, refusing(rpyc, method))
            super().exposed_lock()

    return Patching


def replaced(rpyc):
    """An entry of `_HANDLERS` refuses what the original would do, and else asks the original."""
    connection = submodule(rpyc, "core.protocol").Connection
    consts = submodule(rpyc, "core.consts")

    def prepare(conn):
        original = conn._HANDLERS[consts.HANDLE_CALL]

        def refuse(conn, obj, args, kwargs=()):
            if conn._local_root.locked:
                raise PermissionError("refused by the handler")
            return original(conn, obj, args, kwargs)

        conn._HANDLERS[consts.HANDLE_CALL] = refuse

    return service_with(rpyc, connection, prepare)


def removed_later(rpyc):
    """The handler of calls is removed when the service is locked."""
    connection = submodule(rpyc, "core.protocol").Connection
    consts = submodule(rpyc, "core.consts")

    class Removing(service_with(rpyc, connection)):
        def exposed_lock(self):
            del self.conn._HANDLERS[consts.HANDLE_CALL]

    return Removing


def hiding(rpyc):
    """Arguments and results that are objects, and the number 13, are not let through."""
    connection = submodule(rpyc, "core.protocol").Connection

    class Hiding(connection):
        def _unbox(self, package):
            value = super()._unbox(package)
            if value == (13,):
                raise PermissionError("refused by _unbox")
            return value

        def _box(self, obj):
            if getattr(self._local_root, "locked", False) and type(obj) is list:
                raise PermissionError("refused by _box")
            return super()._box(obj)

    return service_with(rpyc, Hiding)


def counting(rpyc):
    """What is sent and received is counted, and can be asked for."""
    connection = submodule(rpyc, "core.protocol").Connection

    class Counting(connection):
        def __init__(self, *args, **kwargs):
            self.sent = []
            self.received = []
            super().__init__(*args, **kwargs)

        def _send(self, msg, seq, args):
            self.sent.append(msg)
            return super()._send(msg, seq, args)

        def _dispatch_request(self, seq, raw_args):
            self.received.append(raw_args[0])
            return super()._dispatch_request(seq, raw_args)

    class Counted(service_with(rpyc, Counting)):
        def exposed_sent(self):
            return tuple(self.conn.sent)

        def exposed_received(self):
            return tuple(self.conn.received)

        def exposed_call(self, function, *args):
            return function(*args)

    return Counted


def __getattr__(name):
    ways = {"assigned": _assigned, "entered": _entered, "patched": _patched, "": _overridden}
    for prefix, make in ways.items():
        if name.startswith(f"{prefix}_"):
            method = name[len(prefix) :]
            return lambda rpyc: make(rpyc, method)
    raise AttributeError(name)
