"""A client of the soak: threads that repeat the mix of calls, at a steady pace."""

from __future__ import annotations

import argparse
import importlib
import random
import threading
import time
import traceback
from typing import Any

import member
import mix


class Caller(threading.Thread):
    """Repeats the mix over a connection until it has made its share of the calls.

    `calls` and `error` may be read by any thread.
    """

    def __init__(self, stage: mix.Stage, count: int, rate: float) -> None:
        super().__init__(daemon=True)
        self._stage, self._count, self._rate = stage, count, rate
        self._pause = threading.Event()
        self.calls = 0
        self.error = ""

    def run(self) -> None:
        begin = time.monotonic()
        try:
            while self.calls < self._count:
                step = mix.choose(self._stage)
                self.calls += step(self._stage)
                early = begin + self.calls / self._rate - time.monotonic()
                if early > 0.005:  # in a few pieces rather than in a thousand short ones
                    self._pause.wait(early)
        except BaseException:
            self.error = traceback.format_exc()


class Client:
    """The connections of this process, and the threads that use them."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._rpyc = rpyc = importlib.import_module(arguments.package)
        # Stock's connection is not for several threads at once: each of its threads has its own.
        shared = rpyc.__name__ != "rpyc"
        self._conns: list[Any] = []
        self._callers = []
        for number in range(arguments.threads):
            if not (shared and self._conns):
                self._conns.append(mix.connect(rpyc, arguments.port))
            stage = mix.Stage(
                rpyc,
                self._conns[-1],
                arguments.port,
                random.Random(f"{arguments.seed} {number}"),
                arguments.kept,
            )
            count = arguments.calls // arguments.threads
            self._callers.append(Caller(stage, count, arguments.rate / arguments.threads))
        for caller in self._callers:
            caller.start()

    def sample(self) -> member.Report:
        tables = [member.tables_of(conn) for conn in self._conns if not conn.closed]
        return {
            "calls": sum(caller.calls for caller in self._callers),
            "busy": any(caller.is_alive() for caller in self._callers),
            "error": "".join(caller.error for caller in self._callers),
            "exports": sum(lent for lent, _ in tables),
            "imports": sum(borrowed for _, borrowed in tables),
            "living": member.living(self._rpyc),
        }

    def finish(self) -> None:
        for caller in self._callers:
            caller.join(30)
            caller._stage.forget()
        for conn in self._conns:
            conn.close()
        self._conns.clear()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", required=True, help="sinew.rpyc or rpyc")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="calls a second")
    parser.add_argument("--threads", type=int, default=3)
    parser.add_argument("--kept", type=int, required=True, help="objects that a thread keeps")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    client = Client(parse_arguments())
    member.answer(client.sample, client.finish)


if __name__ == "__main__":
    main()
