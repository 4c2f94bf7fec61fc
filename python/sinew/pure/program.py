"""The program: serve this interpreter to the peer that started it, or over TCP."""

import argparse
import os
import pathlib
import select
import socket
import stat
import sys
import threading
import time

from .servers import ThreadedServer
from .services import SlaveService, connect_stream
from .streams import PipeStream, SocketStream
from .tokens import TokenAuthenticator

_GRACE = 2.0  # seconds that a served call has after the peer is gone


def _take_standard_streams(is_socket):
    """Return a stream over standard input (and output), and the descriptor to watch.

    Nobody else may read or write there from now on: what is printed goes to standard error, or
    where it went if standard input alone is the stream.
    """
    incoming = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    if is_socket:
        stream = SocketStream(socket.socket(fileno=incoming))
    else:
        stream = PipeStream(incoming, os.dup(1))
        os.dup2(2, 1)
    os.close(nothing)
    return stream


def _end_with_peer(number):
    """End this process soon after the peer is gone, even in the middle of a call for it."""
    hung_up = getattr(select, "POLLRDHUP", select.POLLHUP)
    poller = select.poll()
    poller.register(number, hung_up if _is_socket(number) else 0)
    while not poller.poll():
        pass
    time.sleep(_GRACE)
    os._exit(1)


def _is_socket(number):
    return stat.S_ISSOCK(os.fstat(number).st_mode)


def _serve_one(stream):
    watched = os.dup(stream.fileno())
    threading.Thread(target=_end_with_peer, args=(watched,), daemon=True).start()
    try:
        connect_stream(stream, SlaveService).serve_all()
    except (EOFError, KeyboardInterrupt):
        pass
    sys.stdout.flush()


def main(argv=None):
    """Run the program."""
    parser = argparse.ArgumentParser(description="Serve this interpreter to a peer you trust.")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--stdio", action="store_true", help="over standard input and output")
    how.add_argument("--stdin-socket", action="store_true", help="standard input is a socket")
    how.add_argument("--listen", metavar="HOST:PORT", help="over TCP; prints the port")
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        type=pathlib.Path,
        help="with --listen: serve only who knows the token in it; only its owner may read it",
    )
    options = parser.parse_args(argv)
    if options.token_file and not options.listen:
        parser.error("--token-file goes with --listen")
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 4000))  # callbacks inside of callbacks
    if not options.listen:
        _serve_one(_take_standard_streams(options.stdin_socket))
        return 0
    host, _, port = options.listen.rpartition(":")
    try:
        authenticator = TokenAuthenticator(options.token_file) if options.token_file else None
    except (OSError, ValueError) as error:
        parser.error(str(error))
    server = ThreadedServer(
        SlaveService,
        hostname=host.strip("[]"),
        ipv6=":" in host,
        port=int(port),
        authenticator=authenticator,
    )
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    try:
        server.start()
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
