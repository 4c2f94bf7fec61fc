"""The server of the soak: our ThreadedServer, with the service that all clients use."""

from __future__ import annotations

import argparse
import collections
import logging
import threading
import weakref
from typing import Any, ClassVar

import member

import sinew.rpyc as rpyc


class Item:
    """Lent to clients, many times a second."""

    def __init__(self, number: int) -> None:
        self.exposed_number = number

    def exposed_next(self) -> Item:
        return Item(self.exposed_number + 1)


class Load(rpyc.Service):
    """Everything that the mix of calls needs; one instance for each connection."""

    connections: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()
    lock = threading.Lock()
    most_kept: int | None = None
    exposed_version = "soak 1"

    def on_connect(self, conn: Any) -> None:
        self.kept: collections.deque[Any] = collections.deque(maxlen=self.most_kept)
        with self.lock:
            self.connections.add(conn)

    def on_disconnect(self, conn: Any) -> None:
        self.kept.clear()

    def exposed_add(self, a: int, b: int) -> int:
        return a + b

    def exposed_upper(self, text: str) -> str:
        return text.upper()

    def exposed_reverse(self, blob: bytes) -> bytes:
        return blob[::-1]

    def exposed_fail(self, text: str) -> None:
        raise ValueError(text)

    def exposed_apply(self, function: Any, value: int) -> int:
        return function(value) + 1

    def exposed_items(self, count: int) -> tuple[Item, ...]:
        return tuple(Item(number) for number in range(count))

    def exposed_table(self) -> dict[str, int]:
        return {"a": 1, "b": 2}

    def exposed_numbers(self, count: int) -> list[int]:
        return list(range(count))

    def exposed_keep(self, thing: Any) -> int:
        self.kept.append(thing)
        return len(self.kept)

    def exposed_newest(self) -> int:
        return self.kept[-1].number

    def exposed_wait(self, seconds: float) -> bool:
        """Wait for what never comes; a cancelled call ends this before its time."""
        end = threading.Event()
        for _ in range(int(seconds * 100)):
            if end.wait(0.01):
                break
        return True


def sample() -> member.Report:
    with Load.lock:
        open_ones = [conn for conn in Load.connections if not conn.closed]
    tables = [member.tables_of(conn) for conn in open_ones]
    return {
        "calls": 0,
        "busy": True,
        "error": "",
        "exports": sum(lent for lent, _ in tables),
        "imports": sum(borrowed for _, borrowed in tables),
        "living": member.living(rpyc),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kept", type=int, help="how many objects of a client are kept")
    Load.most_kept = parser.parse_args().kept
    logger = logging.getLogger("soak")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False  # what clients do wrong on purpose is no news
    server = rpyc.ThreadedServer(Load, hostname="127.0.0.1", port=0, logger=logger)
    server._start_in_thread()
    member.say({"port": server.port})
    member.answer(sample, lambda: None)


if __name__ == "__main__":
    main()
