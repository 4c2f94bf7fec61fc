"""Services: what one side of a connection offers to the other."""

import importlib
from functools import partial

from sinew.rpyc.lib import hybridmethod

from .consts import HANDLE_GETATTR
from .netref import BaseNetref, asyncreq
from .protocol import Connection


class Service:
    """The base of services: members whose names start with `exposed_` are for the peer.

    Given to a server or to `connect` as a class, each connection has its own instance; given as an
    instance, all connections share it. A subclass may override `on_connect` and `on_disconnect`.
    """

    __module__ = "rpyc.core.service"
    __slots__ = ()
    ALIASES = ()
    _protocol = Connection  # the class of its connections; a subclass may choose another

    def on_connect(self, conn):
        """Called when a connection is there, before its first request."""

    def on_disconnect(self, conn):
        """Called when a connection has ended; it cannot be used any more."""

    def _rpyc_delattr(self, name):
        raise AttributeError("access denied")

    def _rpyc_setattr(self, name, value):
        raise AttributeError("access denied")

    @classmethod
    def get_service_aliases(cls):
        """Return the names of the service in capitals, its own name first."""
        if cls.ALIASES:
            return tuple(str(name).upper() for name in cls.ALIASES)
        name = cls.__name__.upper()
        return (name.removesuffix("SERVICE"),)

    @classmethod
    def get_service_name(cls):
        """Return the first of the names."""
        return cls.get_service_aliases()[0]

    exposed_get_service_aliases = get_service_aliases
    exposed_get_service_name = get_service_name

    @hybridmethod
    def _connect(self, channel, config={}):  # noqa: B006 - stock's signature; only read
        """Make a connection over `channel` that offers this service.

        Called on the class, it makes the instance as well.
        """
        if isinstance(self, type):
            self = self()  # noqa: PLW0642 - what a hybrid method is for
        conn = self._protocol(self, channel, config)
        self.on_connect(conn)
        return conn


class VoidService(Service):
    """Offers nothing."""

    __module__ = "rpyc.core.service"
    __slots__ = ()


class ModuleNamespace:
    """The modules of the peer: `conn.modules.os`, `conn.modules["xml.dom"]`."""

    __module__ = "rpyc.core.service"
    __slots__ = ("__cache", "__getmodule", "__weakref__")

    def __init__(self, getmodule):
        self.__getmodule = getmodule
        self.__cache = {}

    def __contains__(self, name):
        """Tell whether the peer can import a module of that name."""
        try:
            return self["importlib.util"].find_spec(_dotted(name)) is not None
        except (ModuleNotFoundError, ValueError):  # a parent is missing; `__main__` has no spec
            return False

    def __getitem__(self, name):
        """Return the module; ImportError if the peer cannot import it."""
        name = _dotted(name)
        if name not in self.__cache:
            self.__cache[name] = self.__getmodule(name)
        return self.__cache[name]

    def __getattr__(self, name):
        try:
            return self[name]
        except ImportError as error:
            raise AttributeError(name) from error


def _dotted(name):
    return ".".join(name) if type(name) is tuple else name


class Slave:
    """Offers the whole interpreter. `namespace` is where `execute` and `eval` work."""

    __module__ = "rpyc.core.service"
    __slots__ = ("_conn", "namespace")

    def __init__(self):
        self._conn = None
        self.namespace = {}

    def execute(self, text):
        """Run statements in the namespace."""
        exec(text, self.namespace)

    def eval(self, text):
        """Return the value of an expression in the namespace."""
        return eval(text, self.namespace)

    def getmodule(self, name):
        """Import and return a module, given by its dotted name or the tuple of its parts."""
        return _import_for_peer(_dotted(name))

    def getconn(self):
        """Return this side's connection."""
        return self._conn


def _import_for_peer(name):
    """Import a module; the names of RPyC's own modules mean ours where RPyC is not installed.

    A peer's `deliver` asks for `rpyc.lib.compat` in this process.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != "rpyc" or name.partition(".")[0] != "rpyc":
            raise
    return importlib.import_module(f"sinew.{name}")


_CLASSIC_CONFIG = {
    "allow_all_attrs": True,
    "allow_pickle": True,
    "allow_getattr": True,
    "allow_setattr": True,
    "allow_delattr": True,
    "allow_exposed_attrs": False,
    "import_custom_exceptions": True,
    "instantiate_custom_exceptions": True,
    "instantiate_oldstyle_exceptions": True,
}


class SlaveService(Slave, Service):
    """The service of classic servers: whoever connects may do anything this process may.

    Serve it to trusted peers only.
    """

    __module__ = "rpyc.core.service"
    __slots__ = ()

    def on_connect(self, conn):
        self._conn = conn
        conn._config.update(_CLASSIC_CONFIG)
        super().on_connect(conn)


class FakeSlaveService(VoidService):
    """Satisfies a peer that drives slaves, and offers it nothing."""

    __module__ = "rpyc.core.service"
    __slots__ = ()
    exposed_namespace = None
    exposed_execute = None
    exposed_eval = None
    exposed_getmodule = None
    exposed_getconn = None


class MasterService(Service):
    """Gives the connection to a slave its attributes: `modules`, `builtins`, `eval` and so on."""

    __module__ = "rpyc.core.service"
    __slots__ = ()

    def on_connect(self, conn):
        super().on_connect(conn)
        self._install(conn, conn.root)

    @staticmethod
    def _install(conn, slave):
        members = _members(slave, ("getmodule", "eval", "execute", "namespace"))
        conn.modules = ModuleNamespace(members["getmodule"])
        conn.eval = members["eval"]
        conn.execute = members["execute"]
        conn.namespace = members["namespace"]
        conn.builtins = conn.builtin = conn.modules.builtins
        conn.teleport = partial(_teleport, conn)


def _members(slave, names):
    """Return the attributes of a local or a remote slave by name.

    From a remote one they are asked for all at once: one round trip instead of four.
    """
    if not isinstance(slave, BaseNetref):
        return {name: getattr(slave, name) for name in names}
    results = {name: asyncreq(slave, HANDLE_GETATTR, name) for name in names}
    return {name: result.value for name, result in results.items()}


def _teleport(conn, function, globals=None, def_=True):  # noqa: A002 - stock's name
    from sinew.rpyc.utils.classic import teleport_function  # noqa: PLC0415

    return teleport_function(conn, function, globals, def_)


class ClassicService(MasterService, SlaveService):
    """Both sides of classic mode: drives the peer and may be driven by it."""

    __module__ = "rpyc.core.service"
    __slots__ = ()


class ClassicClient(MasterService, FakeSlaveService):
    """Drives the peer and may not be driven by it."""

    __module__ = "rpyc.core.service"
    __slots__ = ()
