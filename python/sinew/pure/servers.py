"""Servers: who accepts clients, and on which thread each is served."""

import socket
import threading
import time

from .services import connect_stream
from .streams import SocketStream
from .wire import DEFAULT_CONFIG

# Between two tries to accept, when the system refuses, in seconds.
_PAUSE = 0.05


class Server:
    """Accepts clients at a TCP address, by default of this machine only, or at a Unix socket.

    `port` 0 takes a free one; `port` and `host` then say where. `authenticator(sock)` returns the
    socket to use and the credentials, or raises. `max_connections` of the configuration limits how
    many clients are served at once. What stock's servers have beyond that is not here.
    """

    def __init__(
        self,
        service,
        hostname=None,
        ipv6=False,
        port=0,
        backlog=128,
        reuse_addr=True,
        authenticator=None,
        protocol_config=None,
        logger=None,
        socket_path=None,
    ):
        self.service = service
        self.authenticator = authenticator
        self.protocol_config = dict(protocol_config or {}, logger=logger)
        self._logger = logger
        self.clients = set()
        self._closed = False
        self._most = dict(DEFAULT_CONFIG, **self.protocol_config)["max_connections"]
        family = socket.AF_UNIX if socket_path else socket.AF_INET6 if ipv6 else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        if reuse_addr and not socket_path:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(socket_path or (hostname or ("::1" if ipv6 else "127.0.0.1"), port))
        self.listener.listen(backlog)
        place = self.listener.getsockname()
        self.host, self.port = ("", 0) if socket_path else place[:2]

    def start(self):
        """Accept and serve until closed."""
        while not self._closed:
            try:
                sock = self.listener.accept()[0]
            except OSError:
                if self._closed:
                    break
                time.sleep(_PAUSE)  # out of descriptors, perhaps: others will end
                continue
            if len(self.clients) >= self._most:
                sock.close()
                continue
            self.clients.add(sock)
            self._serve_client(sock)

    def _start_in_thread(self):
        thread = threading.Thread(target=self.start, daemon=True)
        thread.start()
        return thread

    def close(self):
        """Stop accepting, and end the connections."""
        self._closed = True
        for sock in [self.listener, *self.clients]:
            try:
                sock.shutdown(socket.SHUT_RDWR)  # wakes who waits
            except OSError:
                pass
        self.listener.close()

    def _serve_client(self, sock):
        raise NotImplementedError

    def _serve(self, sock):
        config = dict(self.protocol_config, endpoints=(sock.getsockname(), sock.getpeername()))
        try:
            used = sock
            if self.authenticator is not None:
                used, config["credentials"] = self._admit(sock)
            connect_stream(SocketStream(used), self.service, config).serve_all()
        except (EOFError, OSError):
            pass  # it went while it was being welcomed
        finally:
            sock.close()
            self.clients.discard(sock)

    def _admit(self, sock):
        """Have the authenticator look at a client; EOFError if it refuses."""
        place = sock.getpeername()
        try:
            return self.authenticator(sock)
        except Exception as error:  # whatever a client does, the others are served
            if self._logger is not None:
                self._logger.info("%s failed to authenticate: %s", place, error)
            raise EOFError(str(error)) from None


class ThreadedServer(Server):
    """Serves each client in a thread of its own."""

    def _serve_client(self, sock):
        threading.Thread(target=self._serve, args=(sock,), daemon=True).start()


class OneShotServer(Server):
    """Serves one client and closes."""

    def _serve_client(self, sock):
        try:
            self._serve(sock)
        finally:
            self.close()
