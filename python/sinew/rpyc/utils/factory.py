"""Ways to make a connection.

`service` is what this side offers to the peer, a class or an instance; `config` is laid over the
default configuration. Every function returns a connection.
"""

import socket
from _thread import allocate_lock
from contextlib import closing
from functools import partial

from sinew.rpyc.core.channel import Channel
from sinew.rpyc.core.service import MasterService, SlaveService, VoidService
from sinew.rpyc.core.stream import PipeStream, SocketStream, TunneledSocketStream
from sinew.rpyc.lib import spawn

__all__ = [
    "DiscoveryError",
    "ForbiddenError",
    "TunneledSocketStream",
    "connect",
    "connect_by_service",
    "connect_channel",
    "connect_multiprocess",
    "connect_pipes",
    "connect_stdpipes",
    "connect_stream",
    "connect_subproc",
    "connect_thread",
    "discover",
    "list_services",
    "ssh_connect",
    "ssl_connect",
    "unix_connect",
]

_free_port_lock = allocate_lock()

# The dictionaries in the signatures below are stock's, and nobody changes them.
# ruff: noqa: B006


class DiscoveryError(Exception):
    """No server of the service was found, or none of those that were found answers."""

    __module__ = "rpyc.utils.factory"


class ForbiddenError(Exception):
    """The registry does not tell which services there are."""

    __module__ = "rpyc.utils.factory"


def connect_channel(channel, service=VoidService, config={}):
    """Connect over a channel."""
    return service._connect(channel, config)


def connect_stream(stream, service=VoidService, config={}):
    """Connect over a stream."""
    return connect_channel(Channel(stream), service=service, config=config)


def connect_pipes(input, output, service=VoidService, config={}):  # noqa: A002
    """Connect over two files, one to read from and one to write to."""
    return connect_stream(PipeStream(input, output), service=service, config=config)


def connect_stdpipes(service=VoidService, config={}):
    """Connect over standard input and output, which this program cannot use any more."""
    return connect_stream(PipeStream.from_std(), service=service, config=config)


def connect(host, port, service=VoidService, config={}, ipv6=False, keepalive=False):
    """Connect to a server over TCP.

    `keepalive` is True or the seconds of silence after which the peer is probed. OSError if there
    is no server.
    """
    stream = SocketStream.connect(host, port, ipv6=ipv6, keepalive=keepalive)
    return connect_stream(stream, service, config)


def unix_connect(path, service=VoidService, config={}):
    """Connect to a server on a unix socket; OSError if there is none."""
    return connect_stream(SocketStream.unix_connect(path), service, config)


def ssl_connect(
    host,
    port,
    keyfile=None,
    certfile=None,
    ca_certs=None,
    cert_reqs=None,
    ssl_version=None,
    ciphers=None,
    service=VoidService,
    config={},
    ipv6=False,
    keepalive=False,
    verify_mode=None,
    *,
    check_hostname=True,
):
    """Connect to a server over TLS.

    `keyfile` and `certfile` are shown to the server. `ca_certs`, a file or a folder, has the
    authorities that are believed: with it the server's certificate is verified, without it only if
    `cert_reqs` or `verify_mode` (`ssl.CERT_REQUIRED`) says so, by the authorities of the system.
    A certificate that is verified has to be for `host`, unless `check_hostname` is False. A warning
    says so if nothing is verified and nobody asked for that (`cert_reqs=ssl.CERT_NONE`).

    OSError if there is no server; `ssl.SSLError`, which is one, with what is wrong with it.
    """
    if cert_reqs is None:
        cert_reqs = 2 if ca_certs is not None else verify_mode
    if cert_reqs is None:
        cert_reqs = 0
        import warnings  # noqa: PLC0415 - not everybody has it loaded

        warnings.warn(
            f"the certificate of {host}:{port} is not verified: anybody may be the server. "
            "Give ca_certs, or cert_reqs=ssl.CERT_NONE if that is meant",
            stacklevel=2,
        )
    options = {
        "keyfile": keyfile,
        "certfile": certfile,
        "ca_certs": ca_certs,
        "cert_reqs": cert_reqs,
        "ssl_version": ssl_version,
        "ciphers": ciphers,
        "check_hostname": check_hostname,
    }
    stream = SocketStream.ssl_connect(host, port, options, ipv6=ipv6, keepalive=keepalive)
    return connect_stream(stream, service, config)


def discover(service_name, host=None, registrar=None, timeout=2):
    """Return the (ip, port) of each server of a service; DiscoveryError if there is none.

    `host` leaves those at other hosts out; `registrar` is who is asked, by default every registry
    in the local network, for `timeout` seconds.
    """
    addresses = _registrar(registrar, timeout).discover(service_name)
    if not addresses:
        raise DiscoveryError(f"no servers exposing {service_name!r} were found")
    if host:
        places = {place[4][0] for place in socket.getaddrinfo(host, None)}
        addresses = [address for address in addresses if address[0] in places]
        if not addresses:
            raise DiscoveryError(f"no servers exposing {service_name!r} were found on {host}")
    return addresses


def list_services(registrar=None, filter_host=None, timeout=2):
    """Return the names of the services that a registry knows, or of those at one host.

    ForbiddenError if it does not tell. `registrar` and `timeout` are those of `discover`.
    """
    services = _registrar(registrar, timeout).list(filter_host)
    if services is None:
        raise ForbiddenError("Registry doesn't allow listing")
    return services


def connect_by_service(
    service_name, host=None, registrar=None, timeout=2, service=VoidService, config={}
):
    """Connect to the first server of a service that answers; DiscoveryError if none does.

    `host`, `registrar` and `timeout` are those of `discover`, `service` and `config` ours.
    """
    addresses = discover(service_name, host=host, registrar=registrar, timeout=timeout)
    for found, port in addresses:
        try:
            return connect(found, port, service, config=config, ipv6=":" in found)
        except OSError:  # registered, but gone
            pass
    raise DiscoveryError(f"All services are down: {addresses}")


def _registrar(registrar, timeout):
    if registrar is not None:
        return registrar
    from .registry_client import UDPRegistryClient  # noqa: PLC0415 - imports logging

    return UDPRegistryClient(timeout=timeout)


def ssh_connect(remote_machine, remote_port, service=VoidService, config={}):
    """Connect to a server that listens at a port of a machine's own loopback, through ssh.

    `remote_machine` is plumbum's `SshMachine` or `ParamikoMachine`. The tunnel ends with the
    connection. (`sinew.connect("ssh://host")` needs neither plumbum nor a server.)
    """
    return connect_stream(_ssh_stream(remote_machine, remote_port), service, config)


def _ssh_stream(remote_machine, remote_port):
    if hasattr(remote_machine, "connect_sock"):  # paramiko connects without a tunnel
        return SocketStream(remote_machine.connect_sock(remote_port))
    with _free_port_lock:  # or two threads would be given the same one
        local_port = _get_free_port()
        tunnel = remote_machine.tunnel(local_port, remote_port)
    try:
        stream = TunneledSocketStream.connect("localhost", local_port)
    except BaseException:
        tunnel.close()
        raise
    stream.tun = tunnel
    return stream


def connect_subproc(args, service=VoidService, config={}):
    """Start a program and connect over its standard input and output.

    `args` is that of `subprocess.Popen`; the process is the attribute `proc` of the connection.
    """
    from subprocess import PIPE, Popen  # noqa: PLC0415 - only who starts programs needs it

    process = Popen(args, stdin=PIPE, stdout=PIPE)
    conn = connect_pipes(process.stdout, process.stdin, service=service, config=config)
    conn.proc = process
    return conn


def connect_thread(service=VoidService, config={}, remote_service=VoidService, remote_config={}):
    """Connect to a server in a thread of this process, which ends with the connection."""
    listener = _local_listener()
    spawn(partial(_server, listener, remote_service, remote_config))
    return connect(*listener.getsockname(), service=service, config=config)


def connect_multiprocess(
    service=VoidService, config={}, remote_service=VoidService, remote_config={}, args={}
):
    """Connect to a server in a new process, which ends with the connection.

    `args` are names that the namespace of the remote service gets.
    """
    from multiprocessing import Process  # noqa: PLC0415

    listener = _local_listener()
    target = partial(_server, listener, remote_service, remote_config, args)
    Process(target=target, daemon=True).start()
    with closing(listener):
        return connect(*listener.getsockname(), service=service, config=config)


def _local_listener():
    return socket.create_server(("127.0.0.1", 0), backlog=1)


def _get_free_port():
    """Return a TCP port that nobody listens at right now."""
    with closing(_local_listener()) as listener:
        return listener.getsockname()[1]


def _server(listener, remote_service, remote_config, args=None):
    """Serve the first client of `listener`."""
    try:
        with closing(listener):
            sock = listener.accept()[0]
        conn = connect_stream(SocketStream(sock), service=remote_service, config=remote_config)
        if args:
            _namespace_of(conn._local_root).update(args)
        conn.serve_all()
    except KeyboardInterrupt:
        from _thread import interrupt_main  # noqa: PLC0415

        interrupt_main()


def _namespace_of(root):
    """Return the dictionary that `connect_multiprocess` fills: none but for these services."""
    classic = isinstance(root, (MasterService, SlaveService))
    found = getattr(root, "namespace" if classic else "exposed_namespace", None)
    return {} if found is None else found
