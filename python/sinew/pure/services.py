"""What one side of a connection offers to the other."""

import importlib
import socket
import sys

from .connection import Connection
from .streams import SocketStream
from .tokens import find, prove_to_server


def exposed(arg):
    """Mark a member for `service`: `@exposed`, or `@exposed("prefix_")`."""
    prefix = arg if isinstance(arg, str) else "exposed_"

    def mark(member):
        member.__exposed__ = prefix
        return member

    return mark if isinstance(arg, str) else mark(arg)


def service(cls):
    """Give the marked members of a class their exposed names."""
    for name, member in list(vars(cls).items()):
        inner = getattr(member, "__func__", member)
        prefix = getattr(inner, "__exposed__", None)
        if isinstance(inner, type) and prefix:
            service(inner)
        if prefix:
            setattr(cls, prefix + name, member)
    return cls


class Service:
    """The base of services: members whose names start with `exposed_` are for the peer."""

    ALIASES = ()
    _protocol = Connection

    def on_connect(self, conn):
        """Called when a connection is there, before its first request."""

    def on_disconnect(self, conn):
        """Called when a connection has ended."""

    def _rpyc_delattr(self, name):
        raise AttributeError("access denied")

    def _rpyc_setattr(self, name, value):
        raise AttributeError("access denied")

    @classmethod
    def get_service_aliases(cls):
        """Return the names of the service in capitals, its own name first."""
        if cls.ALIASES:
            return tuple([str(name).upper() for name in cls.ALIASES])
        name = cls.__name__.upper()
        return (name[: -len("SERVICE")] if name.endswith("SERVICE") else name,)

    @classmethod
    def get_service_name(cls):
        """Return the first of the names."""
        return cls.get_service_aliases()[0]

    exposed_get_service_aliases = get_service_aliases
    exposed_get_service_name = get_service_name


class VoidService(Service):
    """Offers nothing."""


def _dotted(name):
    return ".".join(name) if type(name) is tuple else name


class SlaveService(Service):
    """Offers the whole interpreter: whoever connects may do anything this process may."""

    def __init__(self):
        self.namespace = {}
        self._conn = None

    def on_connect(self, conn):
        self._conn = conn
        conn._config.update(
            allow_all_attrs=True,
            allow_pickle=True,
            allow_getattr=True,
            allow_setattr=True,
            allow_delattr=True,
            allow_exposed_attrs=False,
            import_custom_exceptions=True,
            instantiate_custom_exceptions=True,
            instantiate_oldstyle_exceptions=True,
        )
        super().on_connect(conn)

    def execute(self, text):
        """Run statements in the namespace."""
        exec(text, self.namespace)

    def eval(self, text):
        """Return the value of an expression in the namespace."""
        return eval(text, self.namespace)

    def getmodule(self, name):
        """Import and return a module, given by its dotted name or the tuple of its parts."""
        name = _dotted(name)
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            # A peer's `deliver` wants rpyc.lib.compat.pickle: what it needs of RPyC is here.
            if error.name != "rpyc" or name.partition(".")[0] != "rpyc":
                raise
        return sys.modules[__package__]

    def getconn(self):
        """Return this side's connection."""
        return self._conn


class ModuleNamespace:
    """The modules of the peer: `conn.modules.os`, `conn.modules["xml.dom"]`."""

    def __init__(self, getmodule):
        self.__getmodule = getmodule
        self.__cache = {}

    def __contains__(self, name):
        try:
            return self["importlib.util"].find_spec(_dotted(name)) is not None
        except (ModuleNotFoundError, ValueError):
            return False

    def __getitem__(self, name):
        name = _dotted(name)
        if name not in self.__cache:
            self.__cache[name] = self.__getmodule(name)
        return self.__cache[name]

    def __getattr__(self, name):
        try:
            return self[name]
        except ImportError:
            raise AttributeError(name) from None


class MasterService(Service):
    """Gives the connection to a slave its attributes: `modules`, `builtins`, `eval` and so on."""

    def on_connect(self, conn):
        super().on_connect(conn)
        slave = conn.root
        conn.modules = ModuleNamespace(slave.getmodule)
        conn.eval = slave.eval
        conn.execute = slave.execute
        conn.namespace = slave.namespace
        conn.builtins = conn.builtin = conn.modules.builtins


class ClassicService(MasterService, SlaveService):
    """Both sides of classic mode: drives the peer and may be driven by it."""


def connect_stream(stream, service=VoidService, config=None):
    """Connect over a stream; `service` is what this side offers, a class or an instance."""
    service = service() if isinstance(service, type) else service
    conn = service._protocol(service, stream, config)
    try:
        service.on_connect(conn)
    except BaseException:
        conn._end("the service refused the connection")
        raise
    return conn


def connect(host, port, service=VoidService, config=None, timeout=3, token=None):
    """Connect to a server over TCP; OSError if there is none.

    `token` is what both sides know: the text, a path, or True for what the environment says.
    PermissionError if the server does not know it, or takes none.
    """
    sock = socket.create_connection((host, port), timeout)
    try:
        key = None if token is None else find(token)
        if key is not None:
            prove_to_server(sock, key, f"{host}:{port}")
        return connect_stream(SocketStream(sock), service, config)
    except BaseException:
        sock.close()
        raise


def restricted(obj, attrs, wattrs=None):
    """Return an object that shows the named attributes of `obj` only; `wattrs` can be written."""
    writable = attrs if wattrs is None else wattrs

    class Restricted:
        def _rpyc_getattr(self, name):
            if name not in attrs:
                raise AttributeError(name)
            return getattr(obj, name)

        def _rpyc_setattr(self, name, value):
            if name not in writable:
                raise AttributeError(name)
            setattr(obj, name, value)

    return Restricted()


# Where programs look for the names above in RPyC.
_MODULES = """
core core.async_ core.netref core.protocol core.service core.stream core.vinegar lib lib.compat
utils utils.classic utils.factory utils.helpers utils.server utils.teleportation version
""".split()


def stand_in(name):
    """Have this package found under the name of RPyC's package, `name`, and of its modules."""
    package = sys.modules[__package__]
    for module in _MODULES:
        sys.modules[f"{name}.{module}"] = package
    for module in _MODULES:  # `import rpyc.utils.server` binds rpyc
        if "." not in module:
            setattr(sys.modules[name], module, package)
    for public in package.__all__:
        setattr(sys.modules[name], public, getattr(package, public))
