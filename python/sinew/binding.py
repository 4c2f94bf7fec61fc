"""Who can reach a server, and whether anybody asks them who they are.

An address of this machine alone is open to its users; any other one wants a token or certificates,
or somebody who says that it does not.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing, even to ask it this, takes 4 ms
if TYPE_CHECKING:
    from typing import Any


def is_reachable(host: str) -> bool:
    """Tell whether other machines may reach a listener bound to this numeric address."""
    if host in ("", "127.0.0.1", "::1"):
        return False  # the first is a Unix socket
    import ipaddress  # noqa: PLC0415 - only servers pay for it

    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_loopback


def admits_anybody(authenticator: Any) -> bool:
    """Tell whether a server with this authenticator serves whoever connects.

    TLS for which clients need no certificate hides what is said, and asks nobody who he is.
    """
    from sinew.rpyc.utils.authenticators import SSLAuthenticator  # noqa: PLC0415

    if isinstance(authenticator, SSLAuthenticator):
        return authenticator.cert_reqs != 2  # ssl.CERT_REQUIRED
    return authenticator is None


def is_open(server: Any) -> bool:
    """Tell whether other machines can reach a server that serves whoever connects."""
    return is_reachable(server.host) and admits_anybody(server.authenticator)


def refuse_open(server: Any, remedy: str) -> None:
    """Raise PermissionError, which names what to add, for a server that is open; close it."""
    if is_open(server):
        server.listener.close()
        server._closed = True  # nobody was served: there is nothing to be told
        raise PermissionError(
            f"{server.host} can be reached from other machines, and anybody would be served there: "
            f"{remedy}"
        )


_warned = False


def warn_of_open(server: Any) -> None:
    """Say once that whoever connects is served, if other machines can. RPyC's defaults are so."""
    global _warned  # noqa: PLW0603 - once a process
    if _warned or not is_open(server):
        return
    _warned = True
    server.logger.warning(
        "%s:%s serves whoever connects, from other machines, too: add hostname='localhost', or "
        "authenticator=sinew.TokenAuthenticator(pathlib.Path('FILE')), or an SSLAuthenticator with "
        "ca_certs (this is said once)",
        server.host,
        server.port,
    )
