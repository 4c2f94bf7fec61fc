"""What is measured: the rows of the table.

The counts say how many operations a batch has for each subject, chosen so that a batch takes some
20 ms and never longer than a second or two; where stock is too slow even for that, a workload that
reports a rate gets a smaller amount of the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from subjects import C_STOCK, FLOOR, STOCK_C

US, MS = 1e6, 1e3
ONCE = 1_000_000
_MANY = 1000
IMPORT, IMPORT_FACE = "import", "import_connect"
PING = "ping"
"""The workload that every latency is related to: 64 bytes there and back between two C loops."""


@dataclass(frozen=True)
class Workload:
    """One row. `counts` holds the operations of a batch by subject; who is missing is not measured.

    name:     as in the JSON rows, and of the client's method
    title:    as in the tables
    unit:     of the figure; `scale` makes it from what the client returns
    batches:  how many in a round; their median is the round's figure
    every:    measured in one round of so many (the slow ones); ONCE is the first round only
    separate: measured by another module, not in rounds
    once:     subjects that are measured a single time, and not at all when quick
    fresh:    measured in processes that have done nothing else
    anywhere: does not depend on the placement, and is measured at the last one only
    kinds:    the kind of server by subject, where it is not the usual one
    floor:    the workload of the floor to relate to; "" for none
    """

    name: str
    title: str
    unit: str
    counts: dict[str, int]
    scale: float = 1.0
    batches: int = 5
    every: int = 1
    separate: bool = False
    once: frozenset[str] = field(default_factory=frozenset)
    fresh: bool = False
    anywhere: bool = False
    kinds: dict[str, str] = field(default_factory=dict)
    floor: str = ""

    @property
    def is_rate(self) -> bool:
        """Whether a larger figure is the better one."""
        return self.unit.endswith("/s")

    def batch(self, subject: str, share: float) -> int:
        """Return the operations of a batch: `share` of the usual where those are many."""
        count = self.counts[subject]
        return round(count * share) if self.scale == US and count >= _MANY else count


def _counts(
    ours: int,
    client: int,
    server: int,
    stock: int,
    floor: int = 0,
    limits: tuple[int, int] = (0, 0),
) -> dict[str, int]:
    """Return the counts by subject: both ours, our client, our server, both stock, the floors."""
    names = ("ours-ours", "ours-stock", "stock-ours", "stock-stock", FLOOR, C_STOCK, STOCK_C)
    numbers = (ours, client, server, stock, floor, *limits)
    return {name: number for name, number in zip(names, numbers, strict=True) if number}


# Stock's pool does not hold its clients without reading from each in turn; its usual server is the
# one to compare with.
_IDLE_SERVERS = {"ours-ours": "pooled", "stock-stock": "threaded"}

WORKLOADS = (
    Workload(PING, "raw C ping-pong, 64 bytes", "us", {FLOOR: 3000}, US, floor=PING),
    Workload(
        "root_call",
        "conn.root.foo(1)",
        "us",
        _counts(1500, 500, 200, 120, 2000, (500, 0)),
        US,
        floor=PING,
    ),
    Workload(
        "hoisted_call",
        "foo(1), hoisted",
        "us",
        _counts(1500, 500, 500, 300, 2000, (500, 500)),
        US,
        floor=PING,
    ),
    Workload(
        "attribute",
        "obj.attr",
        "us",
        _counts(1500, 500, 500, 300, 2000, (500, 500)),
        US,
        floor=PING,
    ),
    Workload(
        "callback",
        "callback from the server, each",
        "us",
        _counts(1500, 500, 500, 300, 2000),
        US,
        floor=PING,
    ),
    Workload(
        "classic_ls",
        "remote ls of 20 files (stat, isdir), each",
        "us",
        _counts(20, 20, 20, 20),
        US,
        batches=3,
    ),
    Workload(
        "in_flight",
        "async, 64 in flight, each",
        "us",
        _counts(4000, 1500, 900, 900, 10_000),
        US,
        floor="in_flight",
    ),
    Workload(
        "iterate",
        "for x in remote_list, 10,000 ints",
        "ms",
        _counts(10_000, 10_000, 10_000, 10_000, 10_000),
        MS,
        batches=1,
        every=3,
        floor="iterate",
    ),
    Workload(
        "echo",
        "64 KiB of random bytes, echo",
        "us",
        _counts(200, 10, 2, 1, 300),
        US,
        batches=3,
        floor="echo",
    ),
    Workload(
        "big_argument",
        "80 MB of bytes as argument",
        "ms",
        _counts(1, 1, 0, 1, 1),
        MS,
        batches=3,
        every=2,
        once=frozenset(["stock-stock"]),
        floor="big_argument",
    ),
    Workload(
        "download",
        "classic download (50 MiB; stock client 2 MiB)",
        "MiB/s",
        _counts(50, 50, 2, 2, 50),
        batches=1,
        every=3,
        floor="download",
    ),
    Workload(
        "references",
        "remote object received and released",
        "us",
        _counts(3000, 1000, 150, 100),
        US,
        batches=3,
    ),
    Workload(
        "reference_bytes",
        "client memory for each remote object",
        "bytes",
        _counts(100_000, 50_000, 4000, 4000),
        batches=1,
        every=6,
        fresh=True,
        anywhere=True,
    ),
    Workload(
        "inspections",
        "INSPECT requests for 1000 objects of a class seen before",
        "requests",
        {"ours-stock": 1000, "stock-stock": 1000},
        batches=1,
        every=6,
        fresh=True,
        anywhere=True,
    ),
    Workload(
        "busy_call",
        "call beside a computing thread, mean",
        "us",
        _counts(300, 300, 300, 300),
        US,
        batches=1,
        every=2,
    ),
    Workload(
        "idle_threads",
        "threads that 1000 idle connections add to the server",
        "threads",
        {"ours-ours": 1000, "stock-stock": 1000},
        batches=1,
        every=ONCE,
        fresh=True,
        anywhere=True,
        kinds=_IDLE_SERVERS,
    ),
    Workload(
        "idle_memory",
        "server memory for each of 1000 idle connections",
        "KB",
        {"ours-ours": 1000, "stock-stock": 1000},
        batches=1,
        every=ONCE,
        fresh=True,
        anywhere=True,
        kinds=_IDLE_SERVERS,
    ),
    Workload(
        IMPORT,
        "import sinew / rpyc, beyond the bare interpreter",
        "ms",
        {},
        separate=True,
        floor=IMPORT,
    ),
    Workload(
        IMPORT_FACE,
        "the same with .connect and .Service in hand",
        "ms",
        {},
        separate=True,
        floor=IMPORT_FACE,
    ),
)
