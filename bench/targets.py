"""The figures to reach, and whether they are.

They were set on another machine, and each says what its own limit was there: how often the floor
was faster than stock, or how long the floor took. Where this machine's limit is a narrower one, the
target is scaled by it. It is never made stricter.
"""

from __future__ import annotations

from dataclasses import dataclass

from results import Results, Spread
from subjects import C_STOCK, FLOOR, STOCK_C, STOCK_STOCK
from workloads import IMPORT, PING, WORKLOADS, Workload

BY_NAME = {workload.name: workload for workload in WORKLOADS}
ONE_CORE, UNPINNED = "one-core", "unpinned"


@dataclass(frozen=True)
class Target:
    """A bound for a figure.

    kind:  "times" as fast as stock with stock, at least; "pings", raw round trips, at most;
           "at most" or "at least", in the unit of the workload
    limit: (subject, workload, figure) of what limits it, with its figure on the machine where the
           target was set: times as fast as stock for "times", else in the unit of that workload
    """

    workload: str
    subject: str
    placement: str
    kind: str
    bound: float
    limit: tuple[str, str, float] | None = None


@dataclass(frozen=True)
class Verdict:
    """A target beside what was measured. `scaled` is the bound for this machine, if it differs."""

    target: Target
    figure: Spread
    scaled: float | None

    @property
    def word(self) -> str:
        """Say "met", "met here" if only the scaled target is, or "missed"."""
        if self._holds(self.target.bound):
            return "met"
        return "met here" if self.scaled is not None and self._holds(self.scaled) else "missed"

    def _holds(self, bound: float) -> bool:
        smaller_is_better = self.target.kind in ("pings", "at most")
        median = self.figure.median
        return median <= bound if smaller_is_better else median >= bound


def _ping(placement: str) -> tuple[str, str, float]:
    return (FLOOR, PING, 4.3 if placement == ONE_CORE else 14.9)


def _latency_targets() -> list[Target]:
    targets = [
        Target("hoisted_call", "ours-ours", ONE_CORE, "pings", 1.6),
        Target("root_call", "ours-ours", UNPINNED, "times", 9, (FLOOR, "root_call", 209 / 13.4)),
        Target("root_call", "ours-stock", UNPINNED, "times", 4, (C_STOCK, "root_call", 209 / 32)),
    ]
    for name, ours, floor, client, c_client, server, c_server in (
        ("root_call", 20, 33, 5, 7.5, 0, 0),
        ("hoisted_call", 7, 10, 2.3, 2.9, 1.5, 1.83),
        ("attribute", 8, 72 / 6.5, 2, 2.9, 0, 0),
    ):
        targets.append(Target(name, "ours-ours", ONE_CORE, "times", ours, (FLOOR, name, floor)))
        limit = (C_STOCK, name, c_client)
        targets.append(Target(name, "ours-stock", ONE_CORE, "times", client, limit))
        if server:
            limit = (STOCK_C, name, c_server)
            targets.append(Target(name, "stock-ours", ONE_CORE, "times", server, limit))
    # In a callback the server asks and the client answers.
    limits = {"ours-ours": (7, FLOOR, "callback", 62 / 4.8)}
    limits["ours-stock"] = (1.5, STOCK_C, "hoisted_call", 1.83)
    limits["stock-ours"] = (1.5, C_STOCK, "hoisted_call", 2.9)
    for subject, (bound, *limit) in limits.items():
        targets.append(Target("callback", subject, ONE_CORE, "times", bound, tuple(limit)))
    return targets


def _absolute_targets() -> list[Target]:
    targets = []
    for placement in (ONE_CORE, UNPINNED):
        ping = _ping(placement)
        iterate = (FLOOR, "iterate", 0.62 if placement == ONE_CORE else 0.94)
        for workload, ours, client, limit in (
            ("in_flight", 2, 28, (FLOOR, "in_flight", 0.36)),
            ("iterate", 5, 15, iterate),
            ("echo", 60, 2500, (FLOOR, "echo", 30)),
            ("big_argument", 90, 400, (FLOOR, "big_argument", 43)),
            ("references", 3, 0, None),
            ("busy_call", 100, 100, ping),
        ):
            targets.append(Target(workload, "ours-ours", placement, "at most", ours, limit))
            if client:
                targets.append(Target(workload, "ours-stock", placement, "at most", client, limit))
        for subject, bound in (("ours-ours", 500), ("ours-stock", 100)):
            targets.append(Target("download", subject, placement, "at least", bound))
    targets.append(Target("inspections", "ours-stock", UNPINNED, "at most", 0))
    targets.append(Target("reference_bytes", "ours-ours", UNPINNED, "at most", 160))
    targets.append(Target("idle_threads", "ours-ours", UNPINNED, "at most", 1))
    targets.append(Target("idle_memory", "ours-ours", UNPINNED, "at most", 8))
    targets.append(Target(IMPORT, "ours-ours", UNPINNED, "at most", 15, (FLOOR, IMPORT, 17)))
    return targets


TARGETS = tuple(
    sorted(
        [*_latency_targets(), *_absolute_targets()],
        key=lambda target: (
            target.placement,
            list(BY_NAME).index(target.workload),
            target.subject,
        ),
    )
)


def verdicts(results: Results) -> list[Verdict]:
    """Return the verdict of every target whose figures were measured."""
    found = (_verdict(target, results) for target in TARGETS)
    return [verdict for verdict in found if verdict is not None]


def _verdict(target: Target, results: Results) -> Verdict | None:
    figure = _figure(target.kind, target.workload, target.subject, target.placement, results)
    if figure is None:
        return None
    if target.limit is None:
        return Verdict(target, figure, None)
    subject, workload, there = target.limit
    here = _figure(target.kind, workload, subject, target.placement, results)
    if here is None:
        return Verdict(target, figure, None)
    scale = here.median / there
    narrower = scale < 1 if target.kind == "times" else scale > 1
    return Verdict(target, figure, target.bound * scale if narrower else None)


def _figure(
    kind: str, workload: str, subject: str, placement: str, results: Results
) -> Spread | None:
    if kind == "pings":
        return results.to_ping(workload, subject, placement)
    if kind == "times":
        return times_faster(BY_NAME[workload], subject, placement, results)
    return results.figure(workload, subject, placement)


def times_faster(
    workload: Workload, subject: str, placement: str, results: Results
) -> Spread | None:
    """Return how many times as fast as stock with stock a subject is."""
    if subject == STOCK_STOCK.name or workload.unit in ("threads", "requests"):
        return None
    ratio = results.to_stock(workload, subject, placement)
    if ratio is None or workload.is_rate:
        return ratio
    if min(ratio.low, ratio.median) <= 0:
        return None
    return Spread(1 / ratio.median, 1 / ratio.high, 1 / ratio.low, ratio.rounds)
