"""RPyC's package, served by Sinew's engine: the same names, semantics and bytes on the wire.

    import sinew.rpyc as rpyc

Every name of RPyC is found where RPyC has it; each is imported when it is first used.
"""

from . import _lazy
from .version import __version__

_PLACES = {
    "AsyncResult": "core.async_:AsyncResult",
    "AsyncResultTimeout": "core.async_:AsyncResultTimeout",
    "BaseNetref": "core.netref:BaseNetref",
    "BgServingThread": "utils.helpers:BgServingThread",
    "Channel": "core.channel:Channel",
    "ClassicService": "core.service:ClassicService",
    "Connection": "core.protocol:Connection",
    "ForkingServer": "utils.server:ForkingServer",
    "GenericException": "core.vinegar:GenericException",
    "MasterService": "core.service:MasterService",
    "OneShotServer": "utils.server:OneShotServer",
    "PipeStream": "core.stream:PipeStream",
    "Service": "core.service:Service",
    "SlaveService": "core.service:SlaveService",
    "SocketStream": "core.stream:SocketStream",
    "ThreadPoolServer": "utils.server:ThreadPoolServer",
    "ThreadedServer": "utils.server:ThreadedServer",
    "TunneledSocketStream": "core.stream:TunneledSocketStream",
    "VoidService": "core.service:VoidService",
    "async": "utils.helpers:async_",
    "async_": "utils.helpers:async_",
    "buffiter": "utils.helpers:buffiter",
    "classic": "utils.classic",
    "cli": "cli",
    "connect": "utils.factory:connect",
    "connect_by_service": "utils.factory:connect_by_service",
    "connect_channel": "utils.factory:connect_channel",
    "connect_pipes": "utils.factory:connect_pipes",
    "connect_stdpipes": "utils.factory:connect_stdpipes",
    "connect_stream": "utils.factory:connect_stream",
    "connect_subproc": "utils.factory:connect_subproc",
    "connect_thread": "utils.factory:connect_thread",
    "core": "core",
    "discover": "utils.factory:discover",
    "exposed": "utils:exposed",
    "lib": "lib",
    "list_services": "utils.factory:list_services",
    "restricted": "utils.helpers:restricted",
    "service": "utils:service",
    "setup_logger": "lib:setup_logger",
    "spawn": "lib:spawn",
    "ssh_connect": "utils.factory:ssh_connect",
    "ssl_connect": "utils.factory:ssl_connect",
    "timed": "utils.helpers:timed",
    "utils": "utils",
    "version": "version",
}

__author__ = "Sinew contributors"
__all__ = ["__version__", *sorted(_PLACES)]  # noqa: PLE0604 - the keys are text
__getattr__, __dir__ = _lazy.lazily(__name__, _PLACES)
