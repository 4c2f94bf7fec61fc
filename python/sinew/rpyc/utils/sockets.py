"""The sockets that servers listen at and accept: making them, and letting go of them."""

import errno
import os
import socket
import stat
import sys
from contextlib import suppress

# What `accept` may fail with while the listener is well: the client left, or resources ran out.
PASSING_ERRORS = frozenset(
    (
        errno.ECONNABORTED,
        errno.EHOSTUNREACH,
        errno.EINTR,
        errno.EMFILE,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EPERM,
        errno.EPROTO,
    )
)


def source_of(sock):
    """Return where a client comes from; all clients of a Unix socket come from one place."""
    try:
        return sock.getpeername()[0] if sock.family in _INTERNET else "this machine"
    except OSError:
        return None  # gone already


_INTERNET = (socket.AF_INET, socket.AF_INET6)


def tcp_listener(hostname, port, ipv6, reuse_addr):
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    places = socket.getaddrinfo(
        hostname, port, family, socket.SOCK_STREAM, socket.IPPROTO_TCP, socket.AI_PASSIVE
    )
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if reuse_addr and sys.platform != "win32":  # there it would share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(places[0][4])
    except BaseException:
        sock.close()
        raise
    return sock


def unix_listener(path):
    _remove_if_dead(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_if_dead(path):
    """Remove the socket of a server that was killed; anything else stays, and binding fails."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
    except (OSError, ValueError):  # nothing there; the name of an abstract socket
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        if probe.connect_ex(path) == errno.ECONNREFUSED:
            unlink(path)


def shut(sock):
    """Close a socket so that other threads that wait at it wake up."""
    with suppress(OSError):  # not connected any more
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def unlink(path):
    with suppress(OSError):  # somebody else's already
        os.unlink(path)
