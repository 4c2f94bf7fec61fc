"""`rpyc_registry`: remember which host serves which service, and tell whoever asks.

Whoever reaches it can announce anything: serve networks that you trust.
"""

import sys

from sinew.rpyc.lib import setup_logger
from sinew.rpyc.utils.registry import (
    DEFAULT_PRUNING_TIMEOUT,
    REGISTRY_PORT,
    TCPRegistryServer,
    UDPRegistryServer,
)

from . import _shared


def main(arguments=None, program="rpyc_registry"):
    """Run the program; return its exit code when it ends. SystemExit for wrong arguments."""
    options = _parser(program).parse_args(arguments)
    setup_logger(options.quiet, options.logfile)
    kind = TCPRegistryServer if options.mode == "TCP" else UDPRegistryServer
    host = "::" if options.ipv6 else "0.0.0.0"
    try:
        server = kind(
            host,
            options.port,
            pruning_timeout=options.timeout,
            allow_listing=options.listing,
        )
    except OSError as error:
        return _shared.cannot_listen(program, host, options.port, error)
    server.start()
    return 0


def _parser(program):
    parser = _shared.make_parser(program, "Tell programs in the network which services are where.")
    parser.add_argument(
        "-m",
        "--mode",
        type=str.upper,
        choices=("UDP", "TCP"),
        default="UDP",
        help="UDP is found by broadcast, TCP crosses routers (default: UDP)",
    )
    parser.add_argument("-6", "--ipv6", action="store_true", help="listen at IPv6 addresses")
    parser.add_argument(
        "-p",
        "--port",
        type=_shared.port,
        default=REGISTRY_PORT,
        help=f"port to listen at, 0 for any (default: {REGISTRY_PORT})",
    )
    parser.add_argument(
        "-t",
        "--timeout",
        type=int,
        default=DEFAULT_PRUNING_TIMEOUT,
        metavar="SECONDS",
        help="forget servers that were silent for so long (default: %(default)s)",
    )
    parser.add_argument(
        "-l",
        "--listing",
        nargs="?",
        const=True,
        default=False,
        type=_shared.truth,
        metavar="yes|no",
        help="tell the names of all services to whoever asks (default: no)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
