"""`rpyc_classic`: serve this interpreter to whoever connects.

Whoever connects may do what this process may: serve trusted networks only.
"""

import argparse
import sys

from sinew.rpyc.core.service import ClassicService, SlaveService
from sinew.rpyc.lib import setup_logger
from sinew.rpyc.utils.authenticators import SSLAuthenticator
from sinew.rpyc.utils.classic import DEFAULT_SERVER_PORT, DEFAULT_SERVER_SSL_PORT
from sinew.rpyc.utils.server import OneShotServer, ThreadedServer
from sinew.rpyc.version import __version__

_LATER = {
    "register": "the registry",
}


def main(arguments=None):
    """Run the program; return when the server ends. SystemExit for wrong arguments."""
    options = _parse(arguments)
    if options.mode == "stdio":
        _serve_stdio(options)
    else:
        _serve_socket(options)


def _parse(arguments):
    parser = _parser()
    options = parser.parse_args(arguments)
    for name, feature in _LATER.items():
        if getattr(options, name):
            flag = "--" + name.replace("_", "-")
            parser.error(f"{flag}: {feature} is not part of this version of Sinew")
    if bool(options.ssl_keyfile) != bool(options.ssl_certfile):
        parser.error("--ssl-keyfile and --ssl-certfile belong together")
    if options.ssl_cafile and not options.ssl_keyfile:
        parser.error("--ssl-cafile needs --ssl-keyfile and --ssl-certfile")
    if options.port is None:
        options.port = DEFAULT_SERVER_SSL_PORT if options.ssl_keyfile else DEFAULT_SERVER_PORT
    if options.mode == "forking":
        parser.error("--mode forking is not part of this version of Sinew")
    if options.host is None:
        options.host = "::1" if options.ipv6 else "127.0.0.1"
    return options


def _parser():
    parser = argparse.ArgumentParser(
        prog="rpyc_classic", description="Serve this Python interpreter to trusted clients."
    )
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
    tls = parser.add_argument_group("TLS")
    tls.add_argument("--ssl-keyfile", metavar="FILE", help="the key of the certificate")
    tls.add_argument("--ssl-certfile", metavar="FILE", help="the certificate to show to clients")
    tls.add_argument(
        "--ssl-cafile", metavar="FILE", help="serve only who shows a certificate signed by these"
    )
    log = parser.add_argument_group("logging")
    log.add_argument("--logfile", metavar="FILE", help="where to log (default: standard error)")
    log.add_argument("-q", "--quiet", action="store_true", help="log errors only")
    parser.add_argument("-v", "--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--help-all", action="help", help=argparse.SUPPRESS)
    return parser


def _add_socket_options(group):
    group.add_argument(
        "-p",
        "--port",
        type=_port,
        help=f"TCP port to listen at, 0 for any (default: {DEFAULT_SERVER_PORT}, with TLS "
        f"{DEFAULT_SERVER_SSL_PORT})",
    )
    group.add_argument("--host", help="address to listen at (default: localhost only)")
    group.add_argument("--ipv6", action="store_true", help="listen at an IPv6 address")


def _add_registry_options(group):
    group.add_argument("--register", action="store_true", help="announce to a registry")
    group.add_argument("--registry-type", type=str.upper, choices=("UDP", "TCP"), default="UDP")
    group.add_argument("--registry-port", type=_port, default=18811)
    group.add_argument("--registry-host", default=None)


def _port(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"no port: {text}")
    return number


def _serve_socket(options):
    setup_logger(options.quiet, options.logfile)
    authenticator = None
    if options.ssl_keyfile:
        authenticator = SSLAuthenticator(
            options.ssl_keyfile, options.ssl_certfile, options.ssl_cafile
        )
    kind = OneShotServer if options.mode == "oneshot" else ThreadedServer
    server = kind(
        SlaveService,
        hostname=options.host,
        port=options.port,
        ipv6=options.ipv6,
        authenticator=authenticator,
    )
    if options.mode == "oneshot":
        server._listen()  # whoever reads the address may connect at once
        sys.stdout.write(f"rpyc-oneshot\n{server.host}\t{server.port}\n")
        sys.stdout.flush()
    server.start()


def _serve_stdio(options):
    from sinew.rpyc.utils.factory import connect_stdpipes  # noqa: PLC0415 - only for this mode

    setup_logger(options.quiet, options.logfile)
    try:
        connect_stdpipes(ClassicService, {"wire_family": "detect"}).serve_all()
    except KeyboardInterrupt:
        sys.stderr.write("\n")


if __name__ == "__main__":
    main()
