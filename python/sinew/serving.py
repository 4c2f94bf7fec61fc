"""Serving an object to whoever connects."""

import sys
from typing import Any

from sinew import address
from sinew.exposing import service_of
from sinew.rpyc.utils.server import ThreadedServer

Server = ThreadedServer


def make_server(thing: Any, uri: str, **options: Any) -> ThreadedServer:
    """Return a server for `thing`, listening at `uri` once it is started.

    Without a port there it chooses a free one: `address_of` tells. The options are those of
    `rpyc.ThreadedServer`. OSError that names the address if nobody can listen there.
    """
    place = address.parse(uri, default_port=0)
    where = {"socket_path": place.path} if place.path else _tcp(place)
    service = service_of(thing)
    try:
        return Server(service, **where, **options)
    except OSError as error:
        raise type(error)(error.errno, f"cannot listen at {uri}: {error.strerror}") from None


def _tcp(place: address.Address) -> dict[str, Any]:
    return {"hostname": place.host, "port": place.port, "ipv6": place.is_ipv6}


def address_of(server: ThreadedServer) -> address.Address:
    """Return where a server listens, the port that it chose included."""
    if isinstance(server.port, str):
        return address.Address(path=server.port)
    return address.Address(host=server.host, port=server.port)


def serve(thing: Any, uri: str = "tcp://127.0.0.1:18861", **options: Any) -> None:
    """Serve an object until Ctrl-C.

    `thing` is an object with members marked by `@sinew.expose`, or a class of such: then each
    connection gets an instance of its own. A `rpyc.Service` will do, too. Only this machine can
    connect unless `uri` says otherwise; without a port there a free one is chosen and printed. The
    options are those of `rpyc.ThreadedServer`. OSError that names the address if nobody can listen
    there.
    """
    server = make_server(thing, uri, **options)
    server._listen()  # whoever reads the address may connect at once
    sys.stderr.write(f"serving {thing!r} at {address_of(server)}, Ctrl-C ends\n")
    server.start()
