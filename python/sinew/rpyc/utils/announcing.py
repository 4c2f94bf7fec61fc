"""What of a server announces itself at a registry, as long as it runs."""

from sinew.rpyc.lib import spawn

_RETRY = 1.0  # seconds after which a server asks a registry again that did not acknowledge


class Announcing:
    """Uses `registrar`, `service`, `port` and `host` of a server, and its events.

    `_over` is set at the end of the server; `_registering` is held while it talks to the registry,
    so that nothing is registered after the end.
    """

    def _register(self):
        if self.auto_register:
            spawn(self._bg_register)

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
