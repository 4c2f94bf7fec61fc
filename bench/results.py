"""Samples by round, and what is made of them: medians, and medians of ratios within a round."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from subjects import FLOOR, STOCK_STOCK
from workloads import PING, Workload


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles, of `rounds` values."""

    median: float
    low: float
    high: float
    rounds: int


def spread(values: list[float]) -> Spread | None:
    """Return the median and quartiles of the values, None of none."""
    if not values:
        return None
    middle = statistics.median(values)
    if len(values) < 3:
        return Spread(middle, min(values), max(values), len(values))
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(middle, low, high, len(values))


class Results:
    """Everything measured so far: figures by workload, subject, placement and round."""

    def __init__(self):
        self._samples: dict[tuple[str, str, str], dict[int, float]] = {}

    def add(self, workload: str, subject: str, placement: str, round_: int, value: float) -> None:
        self._samples.setdefault((workload, subject, placement), {})[round_] = value

    def measured(self) -> list[tuple[str, str, str]]:
        """Return (workload, subject, placement) of everything that was measured."""
        return list(self._samples)

    def figure(self, workload: str, subject: str, placement: str) -> Spread | None:
        """Return the figure of a row, None if it was not measured."""
        return spread(list(self._samples.get((workload, subject, placement), {}).values()))

    def ratio(
        self, workload: str, subject: str, placement: str, to: tuple[str, str]
    ) -> Spread | None:
        """Return the figure divided by that of `to`, (workload, subject), round by round.

        Where the other was measured in fewer rounds than this one, its median stands in.
        """
        mine = self._samples.get((workload, subject, placement), {})
        other = self._samples.get((*to, placement), {})
        if not other:
            return None
        middle = statistics.median(other.values())
        return spread([value / other.get(number, middle) for number, value in mine.items()])

    def to_stock(self, workload: Workload, subject: str, placement: str) -> Spread | None:
        """Return the figure divided by that of stock with stock."""
        return self.ratio(workload.name, subject, placement, (workload.name, STOCK_STOCK.name))

    def to_floor(self, workload: Workload, subject: str, placement: str) -> Spread | None:
        """Return the figure divided by that of the floor; None where the workload has none."""
        if not workload.floor:
            return None
        return self.ratio(workload.name, subject, placement, (workload.floor, FLOOR))

    def to_ping(self, workload: str, subject: str, placement: str) -> Spread | None:
        """Return the figure divided by the raw round trip of the same round."""
        return self.ratio(workload, subject, placement, (PING, FLOOR))
