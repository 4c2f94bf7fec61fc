"""Servers: they accept connections and offer a service on each of them."""

import logging
import socket
import sys
import threading
import time
import weakref
from collections import deque
from contextlib import suppress

from sinew.rpyc import _lazy
from sinew.rpyc.core.channel import Channel
from sinew.rpyc.core.stream import SocketStream
from sinew.rpyc.lib import spawn, spawn_waitready
from sinew.rpyc.lib.quiet_log import Once

from .admitting import Admitting
from .announcing import Announcing
from .authenticators import AuthenticationError
from .registry_client import UDPRegistryClient
from .sockets import PASSING_ERRORS, shut, tcp_listener, unix_listener, unlink

__all__ = [
    "AuthenticationError",
    "ForkingServer",  # noqa: F822 - made when asked for, as is the pool
    "GeventServer",
    "OneShotServer",
    "Server",
    "ThreadPoolServer",  # noqa: F822
    "ThreadedServer",
]
__getattr__, __dir__ = _lazy.lazily(
    __name__,
    {
        "ForkingServer": "utils.forking:ForkingServer",
        "ThreadPoolServer": "utils.pool_server:ThreadPoolServer",
    },
)


def _check_dispatcher(dispatcher):
    from sinew.dispatch import Dispatcher  # noqa: PLC0415 - whoever has one has imported it

    if not isinstance(dispatcher, Dispatcher):
        raise TypeError(f"dispatcher must be one of sinew.dispatch's, not {dispatcher!r}")


class Server(Admitting, Announcing):
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
            _check_dispatcher(dispatcher)
            self.protocol_config = {**self.protocol_config, "dispatcher": dispatcher}
        self.clients = set()
        self._admitted = {}  # what authenticators have made of clients, such as a socket with TLS
        self._unheard = deque()  # (deadline, socket, weak connection): clients that are to speak
        self._once = Once()
        self._unlink = None
        if socket_path is None:
            self.listener = tcp_listener(hostname, port, ipv6, reuse_addr)
            self.host, self.port = self.listener.getsockname()[:2]
        else:
            if hostname is not None or port != 0 or ipv6:
                raise ValueError("socket_path excludes hostname, port and ipv6")
            self.listener = unix_listener(socket_path)
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
        shut(self.listener)  # wakes `accept`
        if self._unlink is not None:
            unlink(self._unlink)
        self.logger.info("listener closed")
        for sock in list(self.clients):
            shut(self._admitted.get(sock, sock))
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
                if self.active and error.errno in PASSING_ERRORS:
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
                shut(sock)
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

    def _look_after_clients(self):
        """Called before each wait for a client, every `listener_timeout` at least."""
        self._drop_silent()

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
            shut(sock)
            self._admitted.pop(original, None)
            self.clients.discard(original)

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

    def _listen(self):
        if self.active:
            return
        self.listener.listen(self.backlog)
        self.active = True
        self._warn_of_open()
        self.logger.info("server started on [%s]:%s", self.host, self.port)

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
            self.close()  # here, so that it is known why: it waits for nobody
        finally:
            self.logger.info("server has terminated")
            self.close()

    def _start_in_thread(self):
        """Serve in a new daemon thread; return it as soon as clients can connect."""
        return spawn_waitready(self._listen, self.start)[0]


_FIRST_FRAME = 64 * 1024  # bytes that a client may send at once before it has been heard
_PAUSE = 0.1


def _call(function, *args):
    return function(*args)


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
