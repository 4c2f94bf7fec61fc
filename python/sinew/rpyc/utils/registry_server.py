"""The registry's servers: they remember which host serves which service at which port.

One request is one brine value, `("RPYC", command, arguments)`: a datagram over UDP, the bytes of a
connection over TCP. The reply is one brine value; a request that makes no sense gets none.
"""

import logging
import selectors
import socket
import sys
import time
from contextlib import closing, suppress

from sinew.rpyc.core import brine

DEFAULT_PRUNING_TIMEOUT = 4 * 60
MAX_DGRAM_SIZE = 1500
REGISTRY_PORT = 18811

NOT_BRINE = (TypeError, ValueError)  # what bytes that are no value raise
_MAX_TEXT = 255  # characters of a name or of a unix socket's path


class BadRequestError(ValueError):
    """A request that makes no sense; it is logged and not answered."""


class RegistryServer:
    """What the UDP and the TCP registry share; `services` maps names to {(host, port): when}.

    `pruning_timeout` is how many seconds an entry lasts that is not registered again, 240 when
    None; what is older is left out when somebody asks for it. `allow_listing` lets clients ask for
    all names. A subclass may override `on_service_added`, `on_service_removed`, and add commands:
    `cmd_name(host, *arguments)`.

    threads: one serves; `close` may be called on any.
    """

    __module__ = "rpyc.utils.registry"
    MAX_SERVICES = 10_000  # entries, each a name at an address
    MAX_NAMES = 64  # names in one registration
    MAX_LISTING = MAX_DGRAM_SIZE  # bytes of the reply to LIST: what stock's clients read

    def __init__(self, listenersock, pruning_timeout=None, logger=None, allow_listing=False):
        self.sock = listenersock
        self.port = listenersock.getsockname()[1]
        self.active = False
        self.services = {}
        self.pruning_timeout = (
            DEFAULT_PRUNING_TIMEOUT if pruning_timeout is None else pruning_timeout
        )
        self.allow_listing = allow_listing
        self.logger = logger or self._get_logger()

    def _get_logger(self):
        raise NotImplementedError

    # -- life ---------------------------------------------------------------------------------

    def start(self):
        """Serve until `close()` is called or until Ctrl-C; ValueError if it runs or has ended."""
        if self.active:
            raise ValueError("server is already running")
        if self.sock is None:
            raise ValueError("object disposed")
        self.logger.debug("server started on %s:%s", *self.sock.getsockname()[:2])
        self._wake, self._woken = socket.socketpair()
        try:
            with selectors.DefaultSelector() as self._selector:
                self._selector.register(self._woken, selectors.EVENT_READ)
                self._selector.register(self.sock, selectors.EVENT_READ)
                self.active = True
                self._work()
        except KeyboardInterrupt:
            self.logger.warning("User interrupt!")
        finally:
            self.active = False
            self.logger.debug("server closed")
            self.sock.close()
            self.sock = None
            self._wake.close()
            self._woken.close()

    def close(self):
        """Have `start` return; ValueError if it does not run."""
        if not self.active:
            raise ValueError("server is not running")
        self.logger.debug("stopping server...")
        self.active = False
        with suppress(OSError):  # it has ended meanwhile
            self._wake.send(b"\0")

    # -- serving ------------------------------------------------------------------------------

    def _work(self):
        while self.active:
            try:
                data, address = self._recv()
            except OSError:
                continue
            reply = self._answer(data, address)
            if reply is not None:
                self._send(reply, address)
            else:
                self._drop(address)

    def _answer(self, data, address):
        """Return the bytes that answer a request, None for a bad one. Never raises Exception."""
        try:
            command, arguments = _parse(data)
            function = getattr(self, f"cmd_{command.lower()}", None)
            if function is None:
                raise BadRequestError(f"unknown command: {_shown(command)}")
            reply = function(_plain_host(address[0]), *arguments)
            return self._fitting(reply, self.MAX_LISTING if command == "LIST" else MAX_DGRAM_SIZE)
        except BadRequestError as error:
            self.logger.warning("%s", error)
        except Exception:
            self.logger.exception("error executing function")
        return None

    def _fitting(self, reply, limit):
        """Return a reply as bytes; of a tuple that is too long, the newest that fit."""
        data = brine.dump(reply)
        if len(data) <= limit:
            return data
        self.logger.warning("a reply of %d bytes is cut to %d", len(data), limit)
        kept, room = len(reply), limit - 5  # the tuple's own tag and length
        while kept and room >= (size := len(brine.dump(reply[kept - 1]))):
            kept, room = kept - 1, room - size
        return brine.dump(reply[kept:])

    def _recv(self):
        """Return the bytes of a request and where it came from; OSError if there is none yet."""
        raise NotImplementedError

    def _send(self, data, addrinfo):
        """Send a reply to where its request came from."""
        raise NotImplementedError

    def _drop(self, addrinfo):
        """There will be no reply."""

    # -- the entries --------------------------------------------------------------------------

    def on_service_added(self, name, addrinfo):
        """Called when an address is new for a name; not when it registers again."""

    def on_service_removed(self, name, addrinfo):
        """Called when an address of a name is unregistered or too old."""

    def _add_service(self, name, addrinfo):
        known = self.services.setdefault(name, {})
        is_new = addrinfo not in known
        known[addrinfo] = time.time()
        if is_new:
            self._tell(self.on_service_added, name, addrinfo)

    def _remove_service(self, name, addrinfo):
        if self.services[name].pop(addrinfo, None) is None:
            return
        if not self.services[name]:
            del self.services[name]
        self._tell(self.on_service_removed, name, addrinfo)

    def _tell(self, callback, name, addrinfo):
        try:
            callback(name, addrinfo)
        except Exception:
            self.logger.exception("error executing %s", callback.__name__)

    def _prune(self, name):
        """Forget the addresses of a name that have not been heard of for too long."""
        oldest = time.time() - self.pruning_timeout
        for address in [a for a, when in self.services[name].items() if when < oldest]:
            self.logger.debug("discarding stale %s:%s", *address)
            self._remove_service(name, address)

    def _require_room(self, names, address):
        def is_full():
            fresh = sum(address not in self.services.get(name, ()) for name in names)
            return sum(map(len, self.services.values())) + fresh > self.MAX_SERVICES

        if is_full():
            for name in list(self.services):
                self._prune(name)
            if is_full():
                raise BadRequestError(f"refused {address[0]}: {self.MAX_SERVICES} entries are here")

    # -- the commands -------------------------------------------------------------------------

    def cmd_query(self, host, name):
        """Return the addresses of a service, the one that was heard of last at the end."""
        name = _name(name)
        self.logger.debug("querying for %r", name)
        if name in self.services:
            self._prune(name)
        if name not in self.services:
            self.logger.debug("no such service")
            return ()
        known = self.services[name]
        servers = tuple(sorted(known, key=known.get))
        self.logger.debug("replying with %r", list(servers))
        return servers

    def cmd_list(self, host, filter_host):
        """Return the names of all services, or of those at one host; None if that is not allowed.

        `filter_host` is a tuple of the host or None.
        """
        self.logger.debug("querying for services list:")
        if not self.allow_listing:
            self.logger.debug("listing is disabled")
            return None
        if type(filter_host) is not tuple or len(filter_host) != 1:
            raise BadRequestError(f"invalid host: {_shown(filter_host)}")
        wanted = filter_host[0]
        services = tuple(
            name
            for name, addresses in self.services.items()
            if not wanted or any(known == wanted for known, _ in addresses)
        )
        self.logger.debug("replying with %r", services)
        return services

    def cmd_register(self, host, names, port):
        """Enter or renew an address under each of the names."""
        if type(names) is not tuple or not names:
            raise BadRequestError(f"invalid names: {_shown(names)}")
        if len(names) > self.MAX_NAMES:
            raise BadRequestError(f"{len(names)} names at once, above {self.MAX_NAMES}")
        names = [_name(name) for name in names]
        address = (host, _port(port))
        self._require_room(names, address)
        self.logger.debug("registering %s:%s as %s", host, port, ", ".join(names))
        for name in names:
            self._add_service(name, address)
        return "OK"

    def cmd_unregister(self, host, port):
        """Remove an address from all names."""
        address = (host, _port(port))
        self.logger.debug("unregistering %s:%s", *address)
        for name in list(self.services):
            self._remove_service(name, address)
        return "OK"


def _parse(data):
    try:
        request = brine.load(data)
    except NOT_BRINE as error:
        raise BadRequestError(f"invalid request: {error}") from None
    if type(request) is not tuple or len(request) != 3:
        raise BadRequestError(f"invalid request: {_shown(request)}")
    magic, command, arguments = request
    if magic != "RPYC":
        raise BadRequestError(f"invalid magic: {_shown(magic)}")
    if type(command) is not str or type(arguments) is not tuple:
        raise BadRequestError(f"invalid request: {_shown(request)}")
    return command, arguments


def _name(name):
    if type(name) is not str or not 0 < len(name) <= _MAX_TEXT:
        raise BadRequestError(f"invalid name: {_shown(name)}")
    return name.upper()


def _port(port):
    """Return a port, or the path that a server on a unix socket has instead."""
    fits = 0 < port < 65536 if type(port) is int else type(port) is str and len(port) <= _MAX_TEXT
    if not fits:
        raise BadRequestError(f"invalid port: {_shown(port)}")
    return port


def _shown(value):
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _plain_host(host):
    """Return an IPv4 client's own address, which a socket for both families wraps."""
    return host.removeprefix("::ffff:") if "." in host else host


def _bound_socket(host, port, kind, reuse_addr=False):
    family, kind, proto, _, address = socket.getaddrinfo(host, port, 0, kind)[0]
    sock = socket.socket(family, kind, proto)
    try:
        if reuse_addr and sys.platform != "win32":  # there it would share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        if kind == socket.SOCK_STREAM:
            sock.listen(socket.SOMAXCONN)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


class UDPRegistryServer(RegistryServer):
    """A registry that answers datagrams, those that are broadcast included."""

    __module__ = "rpyc.utils.registry"
    TIMEOUT = 1.0
    MAX_LISTING = 10 * MAX_DGRAM_SIZE

    def __init__(
        self,
        host="0.0.0.0",
        port=REGISTRY_PORT,
        pruning_timeout=None,
        logger=None,
        allow_listing=False,
    ):
        sock = _bound_socket(host, port, socket.SOCK_DGRAM)
        super().__init__(
            sock, pruning_timeout=pruning_timeout, logger=logger, allow_listing=allow_listing
        )

    def _get_logger(self):
        return logging.getLogger(f"REGSRV/UDP/{self.port}")

    def _recv(self):
        self._selector.select(self.TIMEOUT)
        return self.sock.recvfrom(MAX_DGRAM_SIZE)

    def _send(self, data, addrinfo):
        with suppress(OSError):  # who asked is gone
            self.sock.sendto(data, addrinfo)


class TCPRegistryServer(RegistryServer):
    """A registry for networks that broadcasts do not cross.

    Clients that say nothing hold nobody up: each has `TIMEOUT` seconds, and of more than
    `MAX_CLIENTS` at once the others wait.
    """

    __module__ = "rpyc.utils.registry"
    TIMEOUT = 3.0
    MAX_CLIENTS = 200

    def __init__(
        self,
        host="0.0.0.0",
        port=REGISTRY_PORT,
        pruning_timeout=None,
        logger=None,
        reuse_addr=True,
        allow_listing=False,
    ):
        sock = _bound_socket(host, port, socket.SOCK_STREAM, reuse_addr)
        super().__init__(
            sock, pruning_timeout=pruning_timeout, logger=logger, allow_listing=allow_listing
        )
        self._connected_sockets = {}  # by address: those that are owed a reply
        self._clients = {}  # by socket: [bytes so far, address, deadline], oldest first

    def _get_logger(self):
        return logging.getLogger(f"REGSRV/TCP/{self.port}")

    def start(self):
        """Serve until `close()` is called or until Ctrl-C; ValueError if it runs or has ended."""
        try:
            super().start()
        finally:
            for sock in [*self._clients, *self._connected_sockets.values()]:
                sock.close()
            self._clients.clear()
            self._connected_sockets.clear()

    def _recv(self):
        for key, _ in self._selector.select(self.TIMEOUT / 4):
            if key.fileobj is self.sock:
                self._admit()
            elif key.fileobj in self._clients and self._read(key.fileobj):
                data, address, _ = self._forget(key.fileobj)
                self._connected_sockets[address] = key.fileobj
                return data, address
        self._drop_slow()
        raise TimeoutError

    def _admit(self):
        sock, address = self.sock.accept()
        sock.setblocking(False)
        self._clients[sock] = [b"", address, time.monotonic() + self.TIMEOUT]
        self._selector.register(sock, selectors.EVENT_READ)
        if len(self._clients) == self.MAX_CLIENTS:
            self._selector.unregister(self.sock)

    def _read(self, sock):
        """Take what a client sent; tell whether its request is whole, or has gone wrong."""
        client = self._clients[sock]
        try:
            piece = sock.recv(MAX_DGRAM_SIZE - len(client[0]))
        except BlockingIOError:
            return False
        except OSError:
            return True
        client[0] += piece
        if not piece or len(client[0]) >= MAX_DGRAM_SIZE:
            return True
        try:  # no length comes first: a value that can be read is a whole one
            brine.load(client[0])
        except NOT_BRINE:
            return False
        return True

    def _forget(self, sock):
        if len(self._clients) == self.MAX_CLIENTS:
            self._selector.register(self.sock, selectors.EVENT_READ)
        self._selector.unregister(sock)
        return self._clients.pop(sock)

    def _drop_slow(self):
        now = time.monotonic()
        for sock in [s for s, (_, _, deadline) in self._clients.items() if deadline <= now]:
            self._forget(sock)
            sock.close()

    def _send(self, data, addrinfo):
        with closing(self._connected_sockets.pop(addrinfo)) as sock, suppress(OSError):
            sock.send(data)  # which a new connection has room for

    def _drop(self, addrinfo):
        self._connected_sockets.pop(addrinfo).close()
