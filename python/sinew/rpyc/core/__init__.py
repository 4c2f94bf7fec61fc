"""The protocol: brine, vinegar, netrefs, streams, channels, services, connections."""

from sinew.rpyc import _lazy

_PLACES = {
    **{
        name: f"core.{name}"
        for name in (
            "async_",
            "brine",
            "channel",
            "consts",
            "netref",
            "protocol",
            "service",
            "stream",
            "vinegar",
        )
    },
    "AsyncResult": "core.async_:AsyncResult",
    "AsyncResultTimeout": "core.async_:AsyncResultTimeout",
    "BaseNetref": "core.netref:BaseNetref",
    "Channel": "core.channel:Channel",
    "ClassicService": "core.service:ClassicService",
    "Connection": "core.protocol:Connection",
    "DEFAULT_CONFIG": "core.protocol:DEFAULT_CONFIG",
    "GenericException": "core.vinegar:GenericException",
    "MasterService": "core.service:MasterService",
    "PipeStream": "core.stream:PipeStream",
    "Service": "core.service:Service",
    "SlaveService": "core.service:SlaveService",
    "SocketStream": "core.stream:SocketStream",
    "TunneledSocketStream": "core.stream:TunneledSocketStream",
    "VoidService": "core.service:VoidService",
}

__getattr__, __dir__ = _lazy.lazily(__name__, _PLACES)
