"""The registry's clients: servers announce themselves with one, programs find servers with it.

A client is also called a registrar. What goes over the wire is in `registry_server`.
"""

import logging
import socket
import time
from contextlib import closing, suppress

from sinew.rpyc.core import brine

from .registry_server import MAX_DGRAM_SIZE, NOT_BRINE, REGISTRY_PORT

_LISTING_SIZE = 10 * MAX_DGRAM_SIZE


class RegistryClient:
    """What the UDP and the TCP client share.

    `ip` and `port` say where the registry is, `timeout` how many seconds it has to answer.
    """

    __module__ = "rpyc.utils.registry"
    REREGISTER_INTERVAL = 60  # seconds after which a server registers again

    def __init__(self, ip, port, timeout, logger=None):
        self.ip = ip
        self.port = port
        self.timeout = timeout
        self.logger = logger or self._get_logger()

    def _get_logger(self):
        raise NotImplementedError

    def discover(self, name):
        """Return the (host, port) of each server of a service; none if nobody answers."""
        raise NotImplementedError

    def list(self, filter_host=None):
        """Return the names of all services, or of those at one host.

        None if the registry does not tell, an empty tuple if nobody answers.
        """
        raise NotImplementedError

    def register(self, aliases, port):
        """Announce a server under the names of its service; tell whether that was acknowledged."""
        raise NotImplementedError

    def unregister(self, port):
        """Take an announcement back."""
        raise NotImplementedError


def _request(command, *arguments):
    return brine.dump(("RPYC", command, arguments))


def _are_servers(reply):
    return type(reply) is tuple and all(
        type(server) is tuple
        and len(server) == 2
        and type(server[0]) is str
        and type(server[1]) in (int, str)
        for server in reply
    )


def _are_names(reply):
    return reply is None or (type(reply) is tuple and all(type(name) is str for name in reply))


def _is_text(reply):
    return type(reply) is str


class UDPRegistryClient(RegistryClient):
    """Asks by datagram, in the whole local network unless `ip` says otherwise.

    `bcast` None means: if there is a 255 in the address. With `ipv6` there is no broadcasting.
    """

    __module__ = "rpyc.utils.registry"

    def __init__(
        self,
        ip="255.255.255.255",
        port=REGISTRY_PORT,
        timeout=2,
        bcast=None,
        logger=None,
        ipv6=False,
    ):
        super().__init__(ip=ip, port=port, timeout=timeout, logger=logger)
        self.sock_family = socket.AF_INET6 if ipv6 else socket.AF_INET
        self.bcast = not ipv6 and ("255" in ip.split(".") if bcast is None else bcast)

    def _get_logger(self):
        return logging.getLogger("REGCLNT/UDP")

    def discover(self, name):
        """Return the (host, port) of each server of a service; none if nobody answers."""
        answer = self._ask(_request("QUERY", name), _are_servers)
        return () if answer is None else answer[0]

    def list(self, filter_host=None):
        """Return the names of all services, or of those at one host.

        None if the registry does not tell, an empty tuple if nobody answers.
        """
        answer = self._ask(_request("LIST", (filter_host,)), _are_names)
        return () if answer is None else answer[0]

    def register(self, aliases, port, interface=""):
        """Announce a server from the address `interface`; tell whether that was acknowledged."""
        self.logger.info("registering on %s:%s", self.ip, self.port)
        request = _request("REGISTER", tuple(aliases), port)
        answer = self._ask(request, lambda reply: reply == "OK", interface)
        if answer is None:
            self.logger.warning("no registry acknowledged")
            return False
        self.logger.info("registry %s:%s acknowledged", *answer[1][:2])
        return True

    def unregister(self, port):
        """Take an announcement back, without waiting for the answer."""
        self.logger.info("unregistering from %s:%s", self.ip, self.port)
        with closing(self._socket()) as sock:
            sock.sendto(_request("UNREGISTER", port), (self.ip, self.port))

    def _socket(self):
        sock = socket.socket(self.sock_family, socket.SOCK_DGRAM)
        if self.bcast:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, True)
        return sock

    def _ask(self, request, is_answer, interface=""):
        """Return the first reply that makes sense and who sent it, None if none comes in time.

        OSError if the request cannot be sent.
        """
        limit = time.monotonic() + self.timeout
        with closing(self._socket()) as sock:
            sock.bind((interface, 0))
            sock.sendto(request, (self.ip, self.port))
            while (left := limit - time.monotonic()) > 0:
                sock.settimeout(left)
                try:
                    data, address = sock.recvfrom(_LISTING_SIZE)
                except OSError:
                    return None
                if address[1] != self.port:  # not the registry's
                    continue
                with suppress(*NOT_BRINE):
                    reply = brine.load(data)
                    if is_answer(reply):
                        return reply, address
        return None


class TCPRegistryClient(RegistryClient):
    """Asks a registry over TCP. `ip` is its address or host name."""

    __module__ = "rpyc.utils.registry"

    def __init__(self, ip, port=REGISTRY_PORT, timeout=2, logger=None):
        super().__init__(ip=ip, port=port, timeout=timeout, logger=logger)

    def _get_logger(self):
        return logging.getLogger("REGCLNT/TCP")

    def discover(self, name):
        """Return the (host, port) of each server of a service; none if the registry is silent.

        OSError if there is no registry.
        """
        with closing(self._connect()) as sock:
            return self._ask(sock, _request("QUERY", name), _are_servers) or ()

    def list(self, filter_host=None):
        """Return the names of all services, or of those at one host.

        None if the registry does not tell, an empty tuple if it is silent. OSError if there is no
        registry.
        """
        with closing(self._connect()) as sock:
            return self._ask(sock, _request("LIST", (filter_host,)), _are_names, ())

    def register(self, aliases, port, interface=""):
        """Announce a server from the address `interface`; tell whether that was acknowledged."""
        self.logger.info("registering on %s:%s", self.ip, self.port)
        request = _request("REGISTER", tuple(aliases), port)
        try:
            sock = self._connect(interface)
        except OSError:
            self.logger.warning("could not connect to registry")
            return False
        with closing(sock):
            reply = self._ask(sock, request, _is_text)
        if reply != "OK":
            self.logger.warning("registry did not acknowledge")
            return False
        self.logger.info("registry %s:%s acknowledged", self.ip, self.port)
        return True

    def unregister(self, port):
        """Take an announcement back, without waiting for the answer."""
        self.logger.info("unregistering from %s:%s", self.ip, self.port)
        try:
            with closing(self._connect()) as sock:
                sock.sendall(_request("UNREGISTER", port))
        except OSError:
            self.logger.warning("could not connect to registry")

    def _connect(self, interface=""):
        source = (interface, 0) if interface else None
        return socket.create_connection((self.ip, self.port), self.timeout, source)

    def _ask(self, sock, request, is_answer, silence=None):
        """Return the reply, `silence` if none that makes sense comes in time."""
        limit = time.monotonic() + self.timeout
        data = b""
        with suppress(OSError):
            sock.sendall(request)
            while len(data) < _LISTING_SIZE and (left := limit - time.monotonic()) > 0:
                sock.settimeout(left)
                piece = sock.recv(_LISTING_SIZE)
                if not piece:
                    break
                data += piece
        with suppress(*NOT_BRINE):
            reply = brine.load(data)
            if is_answer(reply):
                return reply
        return silence
