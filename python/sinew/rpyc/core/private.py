"""Private names of RPyC's Connection that programs use, as views of what the engine has."""

from types import MappingProxyType

from . import tables
from .messages import MessagingConnection


class ViewedConnection(MessagingConnection):
    """A connection whose tables can be looked at."""

    __module__ = "rpyc.core.protocol"

    @property
    def _local_objects(self):
        """What the peer holds of ours."""
        return tables.LocalObjects(self)

    @property
    def _proxy_cache(self):
        """The living netrefs by id."""
        return tables.ProxyCache(self)

    @property
    def _netref_classes_cache(self):
        """The netref classes of the classes that were met, by id; read-only."""
        return MappingProxyType(dict(self._classes()))

    @property
    def _request_callbacks(self):
        """Who gets the answers of requests under way, by number."""
        return tables.RequestCallbacks(self)

    @property
    def _seqcounter(self):
        """The numbers of requests."""
        return tables.SequenceNumbers(self)

    @property
    def _bind_threads(self):
        """Whether replies and nested requests are bound to threads."""
        return bool(self._config["bind_threads"])
