"""Who is measured against whom, and where the processes run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

STOCK_VERSION = metadata.version("rpyc")


@dataclass(frozen=True)
class Peer:
    """One implementation: `adapter` is the module in `peer/` that knows how to drive it."""

    name: str
    adapter: str
    package: str
    path: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Subject:
    """A client and a server; `other` is what JSON rows call the peer."""

    name: str
    client: Peer
    server: Peer
    other: str


@dataclass(frozen=True)
class Placement:
    """The CPUs that both processes may use; empty for all of them."""

    name: str
    cpus: frozenset[int] = field(default_factory=frozenset)


OURS = Peer("ours", "rpyc_peer", "sinew.rpyc")
STOCK = Peer("stock", "rpyc_peer", "rpyc")

OURS_OURS = Subject("ours-ours", OURS, OURS, "sinew")
OURS_STOCK = Subject("ours-stock", OURS, STOCK, f"rpyc {STOCK_VERSION} server")
STOCK_OURS = Subject("stock-ours", STOCK, OURS, f"rpyc {STOCK_VERSION} client")
STOCK_STOCK = Subject("stock-stock", STOCK, STOCK, f"rpyc {STOCK_VERSION}")
RPYC_SUBJECTS = (OURS_OURS, OURS_STOCK, STOCK_OURS, STOCK_STOCK)

FLOOR = "floor"
C_STOCK = "c-stock"
STOCK_C = "stock-c"
"""Names of what `floor_subjects` makes: the limits of all, of a client and of a server."""


def floor_subjects(folder: Path) -> list[Subject]:
    """Return the subjects that need the floor extension, which is in `folder`.

    The floor itself; a C client that sends ready-made frames to a stock server; and a C server that
    answers a stock client with ready-made frames. Nothing that works with a stock peer can be
    faster than these.
    """
    path = (folder,)
    floor = Peer(FLOOR, "floor_peer", "_floor", path)
    client = Peer("C client", "c_client_peer", "rpyc", path)
    server = Peer("C server", "c_server_peer", "rpyc", path)
    return [
        Subject(FLOOR, floor, floor, "C floor"),
        Subject(C_STOCK, client, STOCK, f"rpyc {STOCK_VERSION} server"),
        Subject(STOCK_C, server, server, f"rpyc {STOCK_VERSION} client"),
    ]


def placements(which: str) -> list[Placement]:
    """Return the placements for "one-core", "unpinned" or "both"."""
    one = Placement("one-core", frozenset([min(os.sched_getaffinity(0))]))
    found = {"one-core": [one], "unpinned": [Placement("unpinned")]}
    return found.get(which) or found["one-core"] + found["unpinned"]
