"""Makes victims: processes that have imported everything already, one for each line of input.

A line is JSON: `{"role": "server"}`, or `{"role": "client", "port": N, "stage": S, "config": {}}`.
The victim says `{"pid": N, "port": N}` when it serves, or when it has connected; a client begins
its stage at SIGUSR1. Victims die with this process at the latest.
"""

import argparse
import ctypes
import json
import os
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from peers import serve

_PR_SET_PDEATHSIG = 1


class Lent:
    """Something for the server to hold."""


def say(**words):
    print(json.dumps(words), flush=True)


def be_server(rpyc, order):
    server_class = serve.impls.submodule(rpyc, "utils.server").ThreadedServer
    service = serve.build("deaths:deaths", rpyc)
    server = server_class(service, hostname="127.0.0.1", port=0, logger=serve.quiet_logger())
    serving = server._start_in_thread()
    say(pid=os.getpid(), port=server.port)
    serving.join()


def be_client(rpyc, order):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    conn = rpyc.connect("127.0.0.1", order["port"], config=order["config"])
    root, gate = conn.root, order["gate"]
    held = root.lend(3)
    root.keep(Lent())
    say(pid=os.getpid(), port=order["port"])
    signal.sigwait({signal.SIGUSR1})
    stages = {
        "half a request": lambda: root.size(os.urandom(4000)),
        "served": lambda: root.wait(gate),
        "half a reply": lambda: root.echo(os.urandom(20_000)),
        "in a callback": lambda: root.call(stay),
    }
    stages[order["stage"]]()
    assert held


def stay():
    say(called=True)
    threading.Event().wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--impl", required=True)
    rpyc = serve.load_implementation(parser.parse_args().impl)
    serve.impls.submodule(rpyc, "utils.server")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to reap them
    for line in sys.stdin:
        order = json.loads(line)
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                {"server": be_server, "client": be_client}[order["role"]](rpyc, order)
            finally:
                os._exit(1)


if __name__ == "__main__":
    main()
