"""Ends processes that have connections, again and again, in the ways that have been trouble.

    python endings.py --port PORT-OF-GATES --count N

Each run is a child, forked from here where everything is imported already. It has to end by itself
and with the right code. Prints JSON: how many runs of each kind, how long the longest took, and
what went wrong.
"""

import argparse
import contextlib
import faulthandler
import json
import os
import random
import select
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import sinew.rpyc as rpyc

LIMIT = 20
KEPT = []
FORKED, STOPPED = 3, 4


def connect(port):
    return rpyc.connect("127.0.0.1", port, config={"sync_request_timeout": None})


def silent():
    """Return a connection to a peer that says nothing, as long as this process lives."""
    ours, theirs = socket.socketpair()
    KEPT.append(theirs)
    config = {"sync_request_timeout": None, "close_timeout": 0.05}
    return rpyc.connect_stream(rpyc.SocketStream(ours), config=config)


def wait_in_a_thread(conn):
    """Have a daemon thread wait for an answer that does not come."""

    def body():
        with contextlib.suppress(BaseException):
            assert conn.root

    threading.Thread(target=body, daemon=True).start()


def end_while_threads_wait(port):
    """The interpreter ends beside threads that wait, serve, and hold results."""
    conn, mute = connect(port), silent()
    wait_in_a_thread(mute)
    KEPT.append([mute.async_request(1, "x"), conn.root.echo(object()), rpyc.BgServingThread(conn)])
    sys.modules["kept"] = KEPT  # so that it goes as late as can be


def end_after_an_exit(port):
    conn = connect(port)
    wait_in_a_thread(silent())
    sys.exit(conn.root.add(0, 0))


def fork_beside_waiting_threads(port):
    """In the child a connection of the parent is dead, and a new one works."""
    conn = connect(port)
    wait_in_a_thread(silent())
    conn.ping()
    pid = os.fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(BaseException):
            code = use_in_a_child(conn, port)
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == FORKED
    conn.ping()


def use_in_a_child(conn, port):
    try:
        conn.ping()
    except EOFError:
        with connect(port) as own:
            return FORKED if own.root.add(1, 2) == 3 else 1
    return 1


def end_a_thread_in_the_middle_of_a_call(port):
    """A callback ends the thread that makes the call; others go on."""
    conn = connect(port)
    call = conn.root.call

    def leave():
        raise SystemExit

    def body():
        with contextlib.suppress(SystemExit):
            call(leave)

    threads = [threading.Thread(target=body) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert conn.root.add(1, 2) == 3
    conn.close()


def be_interrupted(port):
    """A signal comes at some moment of a series of calls."""
    conn = connect(port)
    add = conn.root.add
    try:
        timer = threading.Timer(random.uniform(0, 0.02), os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        while True:
            add(1, 2)
    except KeyboardInterrupt:
        assert conn.root.add(3, 4) == 7
        sys.exit(STOPPED)


KINDS = {
    end_while_threads_wait: 0,
    end_after_an_exit: 0,
    fork_beside_waiting_threads: 0,
    end_a_thread_in_the_middle_of_a_call: 0,
    be_interrupted: STOPPED,
}


def run(kind, port):
    """Run one child; return what was wrong with its end, or None."""
    pid = os.fork()
    if pid == 0:
        faulthandler.register(signal.SIGUSR1, all_threads=True)
        random.seed()
        kind(port)
        return "child"
    end = os.pidfd_open(pid)
    in_time = select.select([end], [], [], LIMIT)[0]
    os.close(end)
    if not in_time:
        os.kill(pid, signal.SIGUSR1)
        select.select([], [], [], 1)  # it writes where it hangs
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not in_time:
        return f"{kind.__name__} had no end"
    return None if code == KINDS[kind] else f"{kind.__name__} ended with {code}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    arguments = parser.parse_args()
    kinds, wrong, longest = list(KINDS), [], 0.0
    for number in range(arguments.count):
        begin = time.monotonic()
        outcome = run(kinds[number % len(kinds)], arguments.port)
        if outcome == "child":
            return  # the interpreter ends as it does at the end of a program
        longest = max(longest, time.monotonic() - begin)
        wrong += [outcome] if outcome else []
    print(json.dumps({"runs": arguments.count, "longest": longest, "wrong": wrong}))


if __name__ == "__main__":
    try:
        main()
    except Exception:
        traceback.print_exc()
        sys.exit(1)
