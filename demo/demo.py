"""Show that Sinew does RPyC's job, with real processes, against itself and against stock RPyC.

Each scenario runs with every pair of client and server. Every step checks what it says and raises
when it is not so; the exit status is 0 only if all of them passed.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from peers import OLD_STOCK, SINEW, STOCK, PeerError, Servers, run_client, running_servers
from report import Report

PAIRS = [
    (SINEW, SINEW),
    (SINEW, STOCK),
    (STOCK, SINEW),
    (STOCK, STOCK),
    (SINEW, OLD_STOCK),
    (OLD_STOCK, SINEW),
]
"""Client and server, in the order in which they are shown."""


def main() -> int:
    """Run everything; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end like Ctrl-C does
    start = time.monotonic()
    report = Report(sys.stdout)
    implementations = list(dict.fromkeys(server for _, server in PAIRS))
    try:
        with running_servers(implementations) as servers:
            report.introduction(len(implementations) * 2, time.monotonic() - start)
            for pair in PAIRS:
                run_pair(pair, servers, report)
    except KeyboardInterrupt:
        report.interrupted()
        return 130
    except PeerError as error:
        report.broken(str(error))
        return 1
    except BrokenPipeError:  # `demo.py | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    report.summary(PAIRS, time.monotonic() - start)
    return 1 if report.failures else 0


def run_pair(pair: tuple, servers: Servers, report: Report) -> None:
    """Show the steps of one pair; a client that dies is a failure of this pair only."""
    client, server = pair
    report.pair(client.label, server.label)
    try:
        for step in run_client(client, server, servers):
            report.step(pair, step)
    except PeerError as error:
        report.pair_broken(str(error))


if __name__ == "__main__":
    sys.exit(main())
