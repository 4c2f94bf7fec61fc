"""Servers: they accept connections and offer a service on each of them."""

import errno
import logging
import os
import socket
import sys
import threading
import time
import weakref
from collections import deque
from contextlib import suppress

from sinew._sinew import Pool
from sinew.rpyc import _lazy
from sinew.rpyc.core.channel import Channel
from sinew.rpyc.core.config import DEFAULT_CONFIG
from sinew.rpyc.core.stream import SocketStream
from sinew.rpyc.lib import spawn, spawn_waitready
from sinew.rpyc.lib.quiet_log import Once

from .authenticators import AuthenticationError
from .registry_client import UDPRegistryClient

__all__ = [
    "AuthenticationError",
    "GeventServer",
    "OneShotServer",
    "Server",
    "ThreadPoolServer",
    "ThreadedServer",
]
__getattr__, __dir__ = _lazy.lazily(__name__, {"ForkingServer": "utils.forking:ForkingServer"})


class Server:
    """Listens, accepts and serves; how the clients share threads is up to the subclass.

    `service` is a class or an instance. `hostname` None means every interface of the machine.
    `authenticator` is described in `authenticators`. `protocol_config` is laid over the default
    configuration of each connection and may be changed for later ones. `registrar` is a client of a
    registry (`registry`), at which the server announces itself as long as it runs; `auto_register`
    without one announces it in the local network. `listener_timeout` is how
    often `accept` looks whether the server is still wanted. `socket_path` makes it a unix socket
    instead. ValueError if an address is given with a path.

    A subclass may override `_accept_method`, `_authenticate_and_serve_client`, `_serve_client` and
    `_handle_connection`, which call each other in this order.
    """

    __module__ = "rpyc.utils.server"
    _may_be_open = False  # whoever connects, from wherever, is to be served: no warning

    def __init__(
        self,
        service,
        hostname=None,
        ipv6=False,
        port=0,
        backlog=socket.SOMAXCONN,
        reuse_addr=True,
        authenticator=None,
        registrar=None,
        auto_register=None,
        protocol_config=None,
        logger=None,
        listener_timeout=0.5,
        socket_path=None,
        *,
        dispatcher=None,
    ):
        self.active = False
        self._closed = False
        self.service = service
        self.authenticator = authenticator
        self.backlog = backlog
        self.auto_register = bool(registrar) if auto_register is None else auto_register
        self.protocol_config = {} if protocol_config is None else protocol_config
        if dispatcher is not None:
            self.protocol_config = {**self.protocol_config, "dispatcher": dispatcher}
        self.clients = set()
        self._admitted = {}  # what authenticators have made of clients, such as a socket with TLS
        self._unheard = (
            deque()
        )  # (deadline, socket, weak connection), clients that are to speak yet
        self._once = Once()
        self._unlink = None
        if socket_path is None:
            self.listener = _tcp_listener(hostname, port, ipv6, reuse_addr)
            self.host, self.port = self.listener.getsockname()[:2]
        else:
            if hostname is not None or port != 0 or ipv6:
                raise ValueError("socket_path excludes hostname, port and ipv6")
            self.listener = _unix_listener(socket_path)
            self.host, self.port = "", socket_path
            self._unlink = socket_path
        self.listener.settimeout(listener_timeout)
        self.logger = logger or logging.getLogger(f"{service.get_service_name()}/{self.port}")
        self.protocol_config.setdefault("logger", self.logger)
        self.registrar = UDPRegistryClient(logger=self.logger) if registrar is None else registrar
        self._registering = threading.Lock()  # so that nothing is registered after the end
        self._over = threading.Event()

    def close(self):
        """Stop listening and end every connection; closing twice is allowed.

        threads: any
        """
        if self._closed:
            return
        self._closed = True
        self.active = False
        self._over.set()
        if self.auto_register:
            self._unregister()
        _shut(self.listener)  # wakes `accept`
        if self._unlink is not None:
            _unlink(self._unlink)
        self.logger.info("listener closed")
        for sock in list(self.clients):
            _shut(self._admitted.get(sock, sock))
        self.clients.clear()

    def fileno(self):
        """Return the file descriptor of the listening socket."""
        return self.listener.fileno()

    def accept(self):
        """Wait for one client and hand it to `_accept_method`; EOFError if the server closes."""
        while self.active:
            self._look_after_clients()
            try:
                sock, address = self.listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                if self.active and error.errno in _PASSING_ERRORS:
                    if self._make_room():
                        continue
                    self.logger.warning("cannot accept: %s", error)
                    time.sleep(_PAUSE)  # what is missing comes back when some client leaves
                    continue
                raise EOFError("the server was closed") from error
            sock.setblocking(True)
            self.logger.info("accepted %s with fd %s", address, sock.fileno())
            reason = self._reason_to_refuse(sock)
            if reason:
                self._complain(sock, "refused %s: %s", address, reason)
                _shut(sock)
                continue
            self.clients.add(sock)
            try:
                self._accept_method(sock)
            except (RuntimeError, OSError) as error:  # no thread or process for it
                self._complain(sock, "refused %s: %s", address, error)
                self._let_go(sock)
                time.sleep(_PAUSE)
            return
        raise EOFError("the server was closed")

    def _complain(self, sock, text, *args, **options):
        """Log what a client has brought about, once a second for each place they come from."""
        dropped = self._once(_source(sock))
        if dropped is None:
            return
        if dropped:
            text, args = f"{text} (and %s more from there)", (*args, dropped)
        level = logging.ERROR if "exc_info" in options else logging.WARNING
        self.logger.log(level, text, *args, **options)

    def _let_go(self, sock):
        """Close the socket of a client that is refused or has left."""
        _shut(self._admitted.pop(sock, sock))
        self.clients.discard(sock)

    def _reason_to_refuse(self, sock):
        """Return which limit would be exceeded by one more client, or None."""
        if self._count_clients() >= self._option("max_connections"):
            return "max_connections are here"
        most = self._option("max_connections_per_source")
        if most is None:
            return None
        source = _source(sock)
        if sum(1 for other in list(self.clients) if _source(other) == source) < most:
            return None
        return "max_connections_per_source of its address are here"

    def _count_clients(self):
        return len(self.clients)

    def _make_room(self):
        """Let somebody go who is not needed, when nobody can be accepted; tell whether one was."""
        return False

    def _look_after_clients(self):
        """Called before each wait for a client, every `listener_timeout` at least."""
        self._drop_silent()

    def _option(self, key):
        return self.protocol_config.get(key, DEFAULT_CONFIG[key])

    def _drop_silent(self):
        """End the connections of clients that should have said something by now."""
        while self._unheard and self._unheard[0][0] <= time.monotonic():
            _, sock, reference = self._unheard.popleft()
            conn = reference()
            if conn is not None and not conn._heard:
                self.logger.info("no message within first_frame_timeout, closing")
                with suppress(OSError):  # gone already
                    sock.shutdown(socket.SHUT_RDWR)  # who serves it sees the end

    def _accept_method(self, sock):
        """Arrange for `_authenticate_and_serve_client(sock)` to be called."""
        raise NotImplementedError

    def _authenticate_and_serve_client(self, sock):
        """Serve one client, if the authenticator admits it, until its connection ends."""
        original = sock
        try:
            credentials = None
            if self.authenticator:
                place = sock.getpeername()
                try:
                    sock, credentials = self.authenticator(sock)
                except AuthenticationError as error:
                    self._log_refusal(place, error)
                    return
                self.logger.info("%s authenticated successfully", place)
                self._admitted[original] = sock
            self._serve_client(sock, credentials)
        except Exception:
            # Whatever a client does, the others are served.
            self._complain(original, "client connection terminated abruptly", exc_info=True)
        finally:
            _shut(sock)
            self._admitted.pop(original, None)
            self.clients.discard(original)

    def _log_refusal(self, place, error):
        self.logger.info("%s failed to authenticate, rejecting connection: %s", place, error)

    def _serve_client(self, sock, credentials):
        """Make the connection to an admitted client and serve it."""
        there = sock.getpeername()
        suffix = f" ({credentials!r})" if credentials else ""
        try:
            self._handle_connection(self._make_connection(sock, credentials))
        finally:
            self.logger.info("goodbye %s%s", there, suffix)

    def _make_connection(self, sock, credentials):
        """Return the connection to an admitted client."""
        here, there = sock.getsockname(), sock.getpeername()
        suffix = f" ({credentials!r})" if credentials else ""
        self.logger.info("welcome %s%s", there, suffix)
        config = dict(self.protocol_config, credentials=credentials, endpoints=(here, there))
        config.setdefault("logger", self.logger)
        config.setdefault("wire_family", "detect")
        config.setdefault("offer_extensions", False)
        config.setdefault("max_first_frame_size", _FIRST_FRAME)
        connect, channel = self.service._connect, Channel(SocketStream(sock))
        dispatcher = config.get("dispatcher")
        # `on_connect` is the program's, too.
        conn = (dispatcher.run if dispatcher is not None else _call)(connect, channel, config)
        limit = conn._config["first_frame_timeout"]
        if limit is not None:
            self._unheard.append((time.monotonic() + limit, sock, weakref.ref(conn)))
        return conn

    def _handle_connection(self, conn):
        """Serve the requests of a connection until it ends."""
        conn.serve_all()

    def _bg_register(self):
        """Announce the service again and again, as long as the server is there."""
        interval = self.registrar.REREGISTER_INTERVAL
        self.logger.info("started background auto-register thread (interval = %s)", interval)
        while not self._over.wait(interval if self._register_once() else _RETRY):
            pass

    def _register_once(self):
        """Announce the service; tell whether the registry acknowledged."""
        with self._registering:
            if self._over.is_set():
                return False
            try:
                aliases = self.service.get_service_aliases()
                if self.registrar.register(aliases, self.port, interface=self.host):
                    return True
                self.logger.info("registering services did not work - retry")
            except Exception:
                self.logger.exception("error registering services")
            return False

    def _unregister(self):
        with self._registering:
            try:
                self.registrar.unregister(self.port)
            except Exception:
                self.logger.exception("error unregistering services")

    def _listen(self):
        if self.active:
            return
        self.listener.listen(self.backlog)
        self.active = True
        _warn_of_open(self)
        self.logger.info("server started on [%s]:%s", self.host, self.port)

    def _register(self):
        if self.auto_register:
            spawn(self._bg_register)

    def start(self):
        """Serve until `close()` is called from elsewhere, or until Ctrl-C."""
        self._listen()
        self._register()
        try:
            while self.active:
                self.accept()
        except EOFError:
            pass  # closed by another thread
        except KeyboardInterrupt:
            sys.stderr.write("\n")
            self.logger.warning("keyboard interrupt!")
        finally:
            self.logger.info("server has terminated")
            self.close()

    def _start_in_thread(self):
        """Serve in a new daemon thread; return it as soon as clients can connect."""
        return spawn_waitready(self._listen, self.start)[0]


_warned_of_open = False


def _warn_of_open(server):
    """Say once that whoever connects is served, if other machines can. RPyC's defaults are so."""
    global _warned_of_open  # noqa: PLW0603 - once a process
    from sinew import binding  # noqa: PLC0415 - only servers pay for it

    if _warned_of_open or server._may_be_open or not binding.is_open(server):
        return
    _warned_of_open = True
    server.logger.warning(
        "%s:%s serves whoever connects, from other machines, too: add hostname='localhost', or "
        "authenticator=sinew.TokenAuthenticator(pathlib.Path('FILE')), or an SSLAuthenticator with "
        "ca_certs (this is said once)",
        server.host,
        server.port,
    )


_FIRST_FRAME = 64 * 1024  # bytes that a client may send at once before it has been heard
_PAUSE = 0.1
_RETRY = 1.0  # seconds after which a server asks a registry again that did not acknowledge
_GRACE = 1.0  # seconds for the threads of a pool to come back from what they serve

# What `accept` may fail with while the listener is well: the client left, or resources ran out.
_PASSING_ERRORS = frozenset(
    (
        errno.ECONNABORTED,
        errno.EHOSTUNREACH,
        errno.EINTR,
        errno.EMFILE,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EPERM,
        errno.EPROTO,
    )
)


def _source(sock):
    """Return where a client comes from; all clients of a Unix socket come from one place."""
    try:
        return sock.getpeername()[0] if sock.family in _INTERNET else "this machine"
    except OSError:
        return None  # gone already


_INTERNET = (socket.AF_INET, socket.AF_INET6)


def _call(function, *args):
    return function(*args)


def _tcp_listener(hostname, port, ipv6, reuse_addr):
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    places = socket.getaddrinfo(
        hostname, port, family, socket.SOCK_STREAM, socket.IPPROTO_TCP, socket.AI_PASSIVE
    )
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if reuse_addr and sys.platform != "win32":  # there it would share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(places[0][4])
    except BaseException:
        sock.close()
        raise
    return sock


def _unix_listener(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
    except BaseException:
        sock.close()
        raise
    return sock


def _shut(sock):
    """Close a socket so that other threads that wait at it wake up."""
    with suppress(OSError):  # not connected any more
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def _unlink(path):
    with suppress(OSError):  # somebody else's already
        os.unlink(path)


class OneShotServer(Server):
    """Serves its first client, in the thread that accepts, and closes."""

    __module__ = "rpyc.utils.server"

    def _accept_method(self, sock):
        try:
            self._authenticate_and_serve_client(sock)
        finally:
            self.close()


class ThreadedServer(Server):
    """Serves each client in a thread of its own."""

    __module__ = "rpyc.utils.server"

    def _accept_method(self, sock):
        spawn(self._authenticate_and_serve_client, sock)


class GeventServer(ThreadedServer):
    """Serves each client in a greenlet, for programs that called `gevent.monkey.patch_all()`.

    There every thread is a greenlet, so this is `ThreadedServer` by another name; without the
    patches RuntimeError says so.
    """

    __module__ = "rpyc.utils.server"

    def __init__(self, *args, **kwargs):
        if socket.socket.__module__ == "socket":
            raise RuntimeError("GeventServer needs gevent.monkey.patch_all() to be called before")
        super().__init__(*args, **kwargs)


class ThreadPoolServer(Server):
    """Serves many clients with few threads; an idle client costs none.

    Up to `nbThreads` threads serve whichever clients have sent something. A client that waits in
    `on_connect` holds up one of them at most; one in the `authenticator` has a thread of its own.
    `requestBatchSize` is accepted for compatibility: a thread serves what a client has sent and
    goes on to the next.
    """

    __module__ = "rpyc.utils.server"

    def __init__(self, *args, **kwargs):
        self.nbthreads = kwargs.pop("nbThreads", 20)
        self.request_batch_size = kwargs.pop("requestBatchSize", 10)
        super().__init__(*args, **kwargs)
        self._credentials = {}  # of clients that are to be admitted
        self._inside = threading.local()
        self._pool = Pool(
            self.nbthreads, self._authenticate_and_build_connection, self._leave, self._add_thread
        )

    def close(self):
        """Stop listening, end every connection and the threads; closing twice is allowed."""
        super().close()
        # What is being served may go on; its connection ends with it. A request that closes its own
        # server must not wait for itself.
        if getattr(self._inside, "here", False):
            spawn(self._pool.stop, _GRACE)
        else:
            self._pool.stop(_GRACE)

    def _accept_method(self, sock):
        if socket.socket.__module__ != "socket":  # greenlets: a thread of the pool would stop all
            spawn(self._authenticate_and_serve_client, sock)
        # Who is slow to prove who he is must not hold up the threads that serve the others.
        elif self.authenticator:
            spawn(self._authenticate_and_add, sock)
        else:
            self._add(sock)

    def _add(self, sock):
        try:
            self._pool.add(self._admitted.get(sock, sock).fileno(), sock)
        except OSError as error:
            self._complain(sock, "client refused: %s", error)
            self._let_go(sock)

    def _authenticate_and_add(self, sock):
        try:
            place = sock.getpeername()
            self._admitted[sock], self._credentials[sock] = self.authenticator(sock)
        except AuthenticationError as error:
            self._log_refusal(place, error)
            self._let_go(sock)
        except Exception:
            self._complain(sock, "client connection terminated abruptly", exc_info=True)
            self._let_go(sock)
        else:
            self._add(sock)

    def _let_go(self, sock):
        self._credentials.pop(sock, None)
        super()._let_go(sock)

    def _add_thread(self):
        spawn(self._run_pool)

    def _run_pool(self):
        self._inside.here = True
        self._pool.run()

    def _authenticate_and_build_connection(self, sock):
        """Make the connection to a client; None if it is not admitted."""
        try:
            credentials = self._credentials.pop(sock, None)
            return self._make_connection(self._admitted.get(sock, sock), credentials)
        except Exception:
            self._complain(sock, "client connection terminated abruptly", exc_info=True)
            return None

    def _leave(self, sock, conn):
        """Let go of a client whose connection is over."""
        try:
            if conn is not None:
                conn._close_in_turn()
        finally:
            self._let_go(sock)
