"""A peer that speaks RPyC's wire in plain Python, for where Sinew cannot be installed.

It imports nothing but the standard library of CPython 3.8 and later, and of Sinew only what goes
along (tokens), so that it can travel: `sinew.bundling` makes one file of this package, which is
sent over ssh to a host that has nothing but a Python, or into a helper process with another Python
(`sinew.spawn`). There it is the package `sinew_pure`.

It serves and it asks, in wire family C (RPyC 6) and B (4.1 to 5.3), with RPyC's rules of exposure
and under RPyC's names. It knows no extension: it sends an offer back as it came, which means no.
POSIX only. Everything here may be used by any thread.
"""

import pickle

from .connection import Connection
from .errors import GenericException
from .netrefs import BaseNetref, NetrefMetaclass, buffiter, is_netref
from .program import main
from .results import AsyncResult, AsyncResultTimeout, async_, timed
from .servers import OneShotServer, Server, ThreadedServer
from .services import (
    ClassicService,
    MasterService,
    Service,
    SlaveService,
    VoidService,
    connect,
    connect_stream,
    exposed,
    restricted,
    service,
    stand_in,
)
from .streams import PipeStream, SocketStream
from .teleporting import import_function
from .tokens import TokenAuthenticator
from .wire import DEFAULT_CONFIG, PingError, ProtocolError, __version__

__all__ = [
    "DEFAULT_CONFIG",
    "AsyncResult",
    "AsyncResultTimeout",
    "BaseNetref",
    "ClassicService",
    "Connection",
    "GenericException",
    "MasterService",
    "NetrefMetaclass",
    "OneShotServer",
    "PingError",
    "PipeStream",
    "ProtocolError",
    "Server",
    "Service",
    "SlaveService",
    "SocketStream",
    "ThreadedServer",
    "TokenAuthenticator",
    "VoidService",
    "__version__",
    "async_",
    "buffiter",
    "connect",
    "connect_stream",
    "exposed",
    "import_function",
    "is_netref",
    "main",
    "pickle",
    "restricted",
    "service",
    "stand_in",
    "timed",
]
