"""A server whose silent clients cost next to nothing."""

import socket

from sinew.rpyc.core.service import Service

from .lobby import Lobby
from .server import ThreadedServer


def _half_of_descriptors():
    """Return how many silent clients leave enough to those that are served."""
    import resource  # noqa: PLC0415 - only servers pay for it

    return max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2, 1)


class PatientServer(ThreadedServer):
    """Serves each client in a thread of its own, from the client's first byte on.

    Until then it costs no thread: it waits in a lobby, which it leaves when `max_connections`, or
    half as many as the system allows descriptors, are there and others come. With an authenticator
    it is to begin within that one's `handshake_timeout`, without one within `patience` seconds
    (None: no limit). A service that speaks first, in `on_connect`, serves its clients at once.
    """

    def __init__(self, *args, patience=None, **options):
        super().__init__(*args, **options)
        self._lobby = None
        if self._listens_first():
            self._lobby = Lobby(
                super()._accept_method,
                self._turn_away,
                getattr(self.authenticator, "handshake_timeout", patience),
                min(self._option("max_connections"), _half_of_descriptors()),
            )

    def _listens_first(self):
        if socket.socket.__module__ != "socket":
            return False  # gevent: a poller would stop all greenlets
        if self.authenticator is not None:
            return hasattr(self.authenticator, "handshake_timeout")  # ours, for which clients begin
        kind = self.service if isinstance(self.service, type) else type(self.service)
        return kind.on_connect is Service.on_connect

    def close(self):
        """Stop listening and end every connection; closing twice is allowed."""
        if self._lobby is not None:
            self._lobby.close()
        super().close()

    def _accept_method(self, sock):
        if self._lobby is None:
            super()._accept_method(sock)
        else:
            self._lobby.add(sock)

    def _turn_away(self, sock, reason):
        self.logger.info("%s, closing", reason)
        self._let_go(sock)

    def _count_clients(self):
        return len(self.clients) - (0 if self._lobby is None else len(self._lobby))

    def _make_room(self):
        return self._lobby is not None and self._lobby.make_room()
