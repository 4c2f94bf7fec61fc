"""Small parts that the other modules and users' programs share, under RPyC's names."""

import sys
import time

from sinew.rpyc import _lazy

SPAWN_THREAD_PREFIX = "RpycSpawnThread"
maxint = sys.maxsize

__getattr__, __dir__ = _lazy.lazily(__name__, {"colls": "lib.colls", "compat": "lib.compat"})


class MissingModule:
    """Stands in for a module that could not be imported: false, and an error on any use."""

    __module__ = "rpyc.lib"
    __slots__ = ("__name",)

    def __init__(self, name):
        self.__name = name

    def __getattr__(self, name):
        if name.startswith("__"):  # looked for by those who inspect objects
            raise AttributeError(f"module {self.__name!r} not found")
        raise ImportError(f"module {self.__name!r} not found")

    def __bool__(self):
        return False


def safe_import(name):
    """Return the module `name`, or a `MissingModule`; `a.b` gives what `import a.b` binds."""
    try:
        return __import__(name, None, None, "*" if "." in name else ())
    except ImportError:
        return MissingModule(name)


def setup_logger(quiet=False, logfile=None, namespace=None):
    """Configure logging for a program and return its logger.

    `quiet` shows errors only; `logfile` is a path, standard error when None. The logger is `rpyc`,
    or its child `namespace`.
    """
    import logging  # noqa: PLC0415 - 4 ms that clients should not pay

    from .quiet_log import PlainFormatter  # noqa: PLC0415

    origin = "" if quiet else " %(name)s[%(threadName)s]"
    handler = logging.FileHandler(logfile) if logfile else logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        PlainFormatter(f"%(asctime)s %(levelname)s{origin}: %(message)s", "%b %d %H:%M:%S")
    )
    logging.basicConfig(level=logging.ERROR if quiet else logging.DEBUG, handlers=[handler])
    return logging.getLogger("rpyc" if namespace is None else f"rpyc.{namespace}")


class hybridmethod:  # noqa: N801 - the name is part of the interface
    """A method whose first argument is the instance, or the class where there is none."""

    __module__ = "rpyc.lib"

    def __init__(self, func):
        self.func = func

    def __get__(self, instance, owner):
        return self.func.__get__(owner if instance is None else instance, owner)

    def __set__(self, instance, value):
        raise AttributeError("a hybrid method cannot be replaced")


def hasattr_static(obj, attr):
    """Tell whether `obj` has `attr`, without running any descriptor or `__getattr__`."""
    import inspect  # noqa: PLC0415 - 10 ms that clients should not pay

    try:
        inspect.getattr_static(obj, attr)
    except AttributeError:
        return False
    return True


def spawn(*args, **kwargs):
    """Run `args[0](*args[1:], **kwargs)` in a new daemon thread and return the thread."""
    import threading  # noqa: PLC0415

    function, args = args[0], args[1:]
    name = getattr(function, "__name__", type(function).__name__)
    thread = threading.Thread(
        target=function,
        args=args,
        kwargs=kwargs,
        name=f"{SPAWN_THREAD_PREFIX}-{name}-{time.monotonic_ns()}",
        daemon=True,
    )
    thread.start()
    return thread


def spawn_waitready(init, main):
    """Run `init()` and then `main()` in a new daemon thread.

    Return the thread and the result of `init` as soon as `init` is done; raise what it raised.
    """
    import threading  # noqa: PLC0415

    outcome = []
    ready = threading.Event()

    def run():
        try:
            outcome.append((True, init()))
        except BaseException as error:  # noqa: BLE001, RUF100 - handed to the caller
            outcome.append((False, error))
            return
        finally:
            ready.set()
        main()

    thread = spawn(run)
    ready.wait()
    worked, value = outcome[0]
    if not worked:
        raise value
    return thread, value


class Timeout:
    """A moment in the future: `timeout` seconds from now, or never for None and below zero.

    Made from another Timeout it is the same moment.
    """

    __module__ = "rpyc.lib"

    def __init__(self, timeout):
        if isinstance(timeout, Timeout):
            self.finite, self.tmax = timeout.finite, timeout.tmax
        else:
            self.finite = timeout is not None and timeout >= 0
            self.tmax = time.monotonic() + timeout if self.finite else None

    def expired(self):
        """Tell whether the moment has passed."""
        return self.finite and time.monotonic() >= self.tmax

    def timeleft(self):
        """Return the seconds left, 0 if it has passed, None if there is no limit."""
        return max(0, self.tmax - time.monotonic()) if self.finite else None

    def sleep(self, interval):
        """Sleep `interval` seconds, or what is left if that is less."""
        time.sleep(min(interval, self.timeleft()) if self.finite else interval)


def socket_backoff_connect(family, socktype, proto, addr, timeout, attempts):
    """Return a socket connected to `addr`, tried up to `attempts` times after timeouts.

    Each attempt has `timeout` seconds; between two there is a short random pause. Any error but a
    timeout ends the attempts at once.
    """
    import socket  # noqa: PLC0415

    for collision in range(attempts):
        sock = socket.socket(family, socktype, proto)
        try:
            sock.settimeout(timeout)
            sock.connect(addr)
        except TimeoutError:
            sock.close()
            if collision + 1 == attempts:
                raise
            time.sleep(exp_backoff(collision))
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise ValueError(f"attempts must be at least 1, not {attempts}")


def exp_backoff(collision):
    """Return a random pause in seconds that may double with each collision, from 50 us."""
    import random  # noqa: PLC0415

    return random.randrange(2 ** min(collision, 16)) * 50e-6 + random.random() * 50e-6  # noqa: S311, RUF100


def get_id_pack(obj):
    """Return what identifies `obj` on the wire: (class name, class id, instance id).

    A class has the instance id 0. A netref keeps the identity it came with.
    """
    from sinew._sinew import get_id_pack as native  # noqa: PLC0415

    return native(obj)


def get_methods(obj_attrs, obj):
    """Return (name, documentation) for each method of an object, as INSPECT tells them.

    Names in `obj_attrs` are left out. For a class, the methods of its metaclass come with its own,
    and where both have one the class wins.
    """
    import inspect  # noqa: PLC0415

    kinds = list(reversed(type(obj).__mro__))
    if isinstance(obj, type):
        kinds += reversed(obj.__mro__)
    members = {}
    for kind in kinds:
        members.update(vars(kind))
    return {
        name: inspect.getdoc(member)
        for name, member in members.items()
        if name not in obj_attrs and inspect.isroutine(member)
    }.items()
