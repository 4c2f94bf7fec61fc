"""`rpyc_classic`: serve this interpreter to whoever connects.

Whoever connects may do what this process may: serve trusted networks only.
"""

import sys

from sinew.binding import refuse_open
from sinew.rpyc.core.config import CAUTIOUS
from sinew.rpyc.core.service import ClassicService, SlaveService
from sinew.rpyc.lib import setup_logger
from sinew.rpyc.utils.authenticators import SSLAuthenticator
from sinew.rpyc.utils.classic import DEFAULT_SERVER_PORT, DEFAULT_SERVER_SSL_PORT
from sinew.rpyc.utils.registry import REGISTRY_PORT, TCPRegistryClient, UDPRegistryClient
from sinew.rpyc.utils.server import ForkingServer, OneShotServer, ThreadedServer

from . import _shared

_KINDS = {"threaded": ThreadedServer, "forking": ForkingServer, "oneshot": OneShotServer}


_STOCK = "rpyc_classic"  # what stays as it is in RPyC


def main(arguments=None, program=_STOCK):
    """Run the program; return its exit code when the server ends. SystemExit for wrong arguments.

    `program` is what it calls itself.
    """
    options = _parse(arguments, program)
    setup_logger(options.quiet, options.logfile)
    if options.mode == "stdio":
        _serve_stdio()
        return 0
    try:
        server = _make_server(options)
    except (PermissionError, ValueError) as error:
        if getattr(error, "errno", None) is None:  # a token that cannot be used
            sys.stderr.write(f"{program}: {error}\n")
            return 2
        return _shared.cannot_listen(program, options.host, options.port, error)
    except OSError as error:
        return _shared.cannot_listen(program, options.host, options.port, error)
    _serve(server, options)
    return 0


def _parse(arguments, program):
    parser = _parser(program)
    options = parser.parse_args(arguments)
    options.program = program
    if bool(options.ssl_keyfile) != bool(options.ssl_certfile):
        parser.error("--ssl-keyfile and --ssl-certfile belong together")
    if options.ssl_cafile and not options.ssl_keyfile:
        parser.error("--ssl-cafile needs --ssl-keyfile and --ssl-certfile")
    if options.port is None:
        options.port = DEFAULT_SERVER_SSL_PORT if options.ssl_keyfile else DEFAULT_SERVER_PORT
    if options.host is None:
        options.host = "::1" if options.ipv6 else "127.0.0.1"
    if options.registry_host is None:
        if options.register and options.registry_type == "TCP":
            parser.error("--registry-type TCP: with TCP registry, you must specify --registry-host")
        options.registry_host = "255.255.255.255"
    return options


def _parser(program):
    parser = _shared.make_parser(program, "Serve this Python interpreter to trusted clients.")
    parser.add_argument(
        "-m",
        "--mode",
        type=str.lower,
        choices=("threaded", "forking", "stdio", "oneshot"),
        default="threaded",
        help="how to serve; stdio is for inetd and parent processes (default: threaded)",
    )
    _add_socket_options(parser.add_argument_group("socket"))
    _add_registry_options(parser.add_argument_group("registry"))
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="serve only who knows the token in this file: sinew.connect(..., token=...)",
    )
    if program != _STOCK:
        parser.add_argument(
            "--insecure", action="store_true", help="serve whoever connects, from anywhere"
        )
    tls = parser.add_argument_group("TLS")
    tls.add_argument("--ssl-keyfile", metavar="FILE", help="the key of the certificate")
    tls.add_argument("--ssl-certfile", metavar="FILE", help="the certificate to show to clients")
    tls.add_argument(
        "--ssl-cafile", metavar="FILE", help="serve only who shows a certificate signed by these"
    )
    return parser


def _add_socket_options(group):
    group.add_argument(
        "-p",
        "--port",
        type=_shared.port,
        help=f"TCP port to listen at, 0 for any (default: {DEFAULT_SERVER_PORT}, with TLS "
        f"{DEFAULT_SERVER_SSL_PORT})",
    )
    group.add_argument("--host", help="address to listen at (default: localhost only)")
    group.add_argument("--ipv6", action="store_true", help="listen at an IPv6 address")


def _add_registry_options(group):
    group.add_argument("--register", action="store_true", help="announce to a registry")
    group.add_argument(
        "--registry-type",
        type=str.upper,
        choices=("UDP", "TCP"),
        default="UDP",
        help="how to reach it (default: UDP)",
    )
    group.add_argument("--registry-port", type=_shared.port, default=REGISTRY_PORT)
    group.add_argument(
        "--registry-host",
        help="where it is (default: anywhere in the local network; with TCP it must be told)",
    )


def _token(options):
    """Return the token that clients have to know, or None. `rpyc_classic` asks no environment."""
    if not options.token_file and options.program == _STOCK:
        return None
    from sinew import tokens  # noqa: PLC0415 - only who uses it pays for it

    return tokens.read_file(options.token_file) if options.token_file else tokens.find(None)


def _make_server(options):
    kind = _KINDS[options.mode]
    registrar = TCPRegistryClient if options.registry_type == "TCP" else UDPRegistryClient
    authenticator = None
    if options.ssl_keyfile:
        authenticator = SSLAuthenticator(
            options.ssl_keyfile, options.ssl_certfile, options.ssl_cafile
        )
    token = _token(options)
    if token is not None:
        from sinew.tokens import TokenAuthenticator  # noqa: PLC0415

        authenticator = TokenAuthenticator(token, over=authenticator)
    server = kind(
        SlaveService,
        hostname=options.host,
        port=options.port,
        ipv6=options.ipv6,
        authenticator=authenticator,
        registrar=registrar(options.registry_host, options.registry_port),
        auto_register=options.register,
        protocol_config={} if options.program == _STOCK else dict(CAUTIOUS),
    )
    if options.program != _STOCK and not options.insecure:
        refuse_open(server, _REMEDY)
    server._may_be_open = getattr(options, "insecure", False)
    return server


_REMEDY = (
    "add --token-file FILE with a token that clients know, or --ssl-keyfile, --ssl-certfile and "
    "--ssl-cafile for clients with certificates, or --insecure if that is meant"
)


def _serve(server, options):
    if options.mode == "oneshot":
        server._listen()  # whoever reads the address may connect at once
        sys.stdout.write(f"rpyc-oneshot\n{server.host}\t{server.port}\n")
        sys.stdout.flush()
    server.start()


def _serve_stdio():
    from sinew.rpyc.utils.factory import connect_stdpipes  # noqa: PLC0415 - only for this mode

    try:
        connect_stdpipes(ClassicService, {"wire_family": "detect"}).serve_all()
    except KeyboardInterrupt:
        sys.stderr.write("\n")


if __name__ == "__main__":
    sys.exit(main())
