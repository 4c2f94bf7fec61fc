"""Serving an object to whoever connects."""

import sys
from typing import Any

from sinew import address
from sinew.exposing import service_of
from sinew.rpyc.core.config import refuse_misspelt
from sinew.rpyc.utils.server import ThreadedServer

Server = ThreadedServer


def make_server(thing: Any, uri: str, **options: Any) -> ThreadedServer:
    """Return a server for `thing`, listening at `uri` once it is started.

    The options are those of `rpyc.ThreadedServer`.
    """
    refuse_misspelt(options.get("protocol_config") or ())
    place = address.parse(uri, default_port=0)
    if place.path:
        return Server(service_of(thing), socket_path=place.path, **options)
    return Server(
        service_of(thing), hostname=place.host, port=place.port, ipv6=place.is_ipv6, **options
    )


def serve(thing: Any, uri: str = "tcp://127.0.0.1:18861", **options: Any) -> None:
    """Serve an object until Ctrl-C.

    `thing` is an object with members marked by `@sinew.expose`, or a class of such: then each
    connection gets an instance of its own. A `rpyc.Service` will do, too. Only this machine can
    connect unless `uri` says otherwise. The options are those of `rpyc.ThreadedServer`.
    """
    server = make_server(thing, uri, **options)
    sys.stderr.write(f"serving {thing!r} at {uri}, Ctrl-C ends\n")
    server.start()
