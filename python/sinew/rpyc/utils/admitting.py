"""What of a server decides who is served, and says who was not."""

import logging

from sinew.rpyc.core.config import DEFAULT_CONFIG

from .sockets import shut, source_of


class Admitting:
    """Uses `clients`, `protocol_config` and `logger` of a server; `_admitted` and `_once`, too.

    `_admitted` is what authenticators have made of clients, such as a socket with TLS.
    """

    _may_be_open = False  # whoever connects, from wherever, is to be served: no warning

    def _warn_of_open(self):
        if not self._may_be_open:
            from sinew import binding  # noqa: PLC0415 - only servers pay for it

            binding.warn_of_open(self)

    def _reason_to_refuse(self, sock):
        """Return which limit would be exceeded by one more client, or None."""
        if self._count_clients() >= self._option("max_connections"):
            return "max_connections are here"
        most = self._option("max_connections_per_source")
        if most is None:
            return None
        source = source_of(sock)
        if sum(1 for other in list(self.clients) if source_of(other) == source) < most:
            return None
        return "max_connections_per_source of its address are here"

    def _count_clients(self):
        return len(self.clients)

    def _make_room(self):
        """Let somebody go who is not needed, when nobody can be accepted; tell whether one was."""
        return False

    def _option(self, key):
        return self.protocol_config.get(key, DEFAULT_CONFIG[key])

    def _complain(self, sock, text, *args, **options):
        """Log what a client has brought about, once a second for each place they come from."""
        dropped = self._once(source_of(sock))
        if dropped is None:
            return
        if dropped:
            text, args = f"{text} (and %s more from there)", (*args, dropped)
        level = logging.ERROR if "exc_info" in options else logging.WARNING
        self.logger.log(level, text, *args, **options)

    def _log_refusal(self, place, error):
        self.logger.info("%s failed to authenticate, rejecting connection: %s", place, error)

    def _let_go(self, sock):
        """Close the socket of a client that is refused or has left."""
        shut(self._admitted.pop(sock, sock))
        self.clients.discard(sock)
