"""Read by each Python of a page's session: the machines and ports that the pages name.

`lab-1`, `lab-7` and the like are this machine, and each well-known port is a free one of it: so
pages say what users write, and sessions do not meet each other.
"""

import json
import os
import socket

_PORTS = {int(port): free for port, free in json.loads(os.environ["DOCS_PORTS"]).items()}
_resolve = socket.getaddrinfo


def _getaddrinfo(host, port, *args, **kwargs):
    if isinstance(host, str) and host.startswith("lab-"):
        host = "127.0.0.1"
    return _resolve(host, _PORTS.get(port, port), *args, **kwargs)


socket.getaddrinfo = _getaddrinfo
