"""Waits at one of the places where a program can wait, until Ctrl-C; says when it came back.

Each line of the input, `PLACE TRIES`, makes a process by a fork, which costs less than to import
everything again. It says its `pid`; then each try prints `{"waiting": true}`, waits, and prints
when (of the monotonic clock) and how that ended: `{"at": 123.4, "how": "KeyboardInterrupt"}`, or
`"returned"`, which servers do.
"""

import argparse
import contextlib
import faulthandler
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from peers.kit import Kit
from peers.places import PLACES


def say(**words):
    print(json.dumps(words), flush=True)


def attempt(name, port):
    with contextlib.ExitStack() as undo:
        wait = PLACES[name](Kit(port, undo))
        how = "returned"
        try:
            say(waiting=True)
            wait()
        except BaseException as error:
            at, how = time.monotonic(), type(error).__name__
            if not isinstance(error, KeyboardInterrupt):
                raise
        else:
            at = time.monotonic()
        say(at=at, how=how)


def be_victim(name, port, tries):
    """Wait at that place, so many times, in a process that is the leader of its own group."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    say(pid=os.getpid())
    try:
        for _ in range(tries):
            attempt(name, port)
    except BaseException:
        say(error=traceback.format_exc())


def main():
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to reap them
    for line in sys.stdin:
        name, tries = line.split()
        if os.fork() == 0:
            be_victim(name, port, int(tries))
            os._exit(0)


if __name__ == "__main__":
    main()
