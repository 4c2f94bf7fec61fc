"""Runs the rounds: within each, subject after subject does the same work."""

from __future__ import annotations

import sys
import time
from statistics import median

from processes import Pair, ProcessError
from results import Results
from subjects import Placement, Subject
from workloads import Workload


class Runner:
    """Starts the pairs of processes, asks them in turn and collects the figures in `results`.

    `share` is the share of a batch's usual size. What fails is noted in `failures`, and the rest
    goes on.
    """

    def __init__(
        self,
        results: Results,
        subjects: list[Subject],
        placements: list[Placement],
        workloads: list[Workload],
        share: float,
        once: bool,
    ):
        self.results = results
        self.failures: list[str] = []
        self.rounds_done = 0
        self._subjects = subjects
        self._placements = placements
        self._workloads = workloads
        self._share = share
        self._once = once
        self._pairs: dict[tuple[str, str], Pair] = {}
        self._broken: set[tuple[str, str, str]] = set()

    def start(self) -> None:
        """Start every pair; each waits until it is asked."""
        for placement in self._placements:
            for subject in self._subjects:
                self._pairs[subject.name, placement.name] = Pair(subject, placement)

    def run(self, rounds: int) -> None:
        start = time.monotonic()
        for number in range(rounds):
            for placement in self._placements:
                for workload in self._workloads:
                    if self._is_due(number, placement, workload):
                        _progress(f"round {number + 1}/{rounds} {placement.name} {workload.name}")
                        self._round(number, placement, workload)
            self.rounds_done = number + 1
            seconds = time.monotonic() - start
            _progress(f"round {number + 1}/{rounds} done, {seconds:.0f} s", end="\n")

    def stop(self) -> None:
        for pair in self._pairs.values():
            pair.stop()
        self._pairs.clear()

    def _round(self, number: int, placement: Placement, workload: Workload) -> None:
        # Another one begins in each round: what disturbs one after the other spreads over all.
        first = number % len(self._subjects)
        for subject in self._subjects[first:] + self._subjects[:first]:
            key = (workload.name, subject.name, placement.name)
            if key in self._broken or not self._takes_part(number, placement, workload, subject):
                continue
            try:
                value = self._measure(subject, placement, workload)
            except ProcessError as error:
                self._broken.add(key)
                self.failures.append(f"{' '.join(key)}: {error}")
                self._restart(subject, placement)
            else:
                self.results.add(*key, number, value)

    def _is_due(self, number: int, placement: Placement, workload: Workload) -> bool:
        if workload.anywhere and placement is not self._placements[-1]:
            return False
        return number % workload.every == 0

    def _takes_part(
        self, number: int, placement: Placement, workload: Workload, subject: Subject
    ) -> bool:
        if subject.name not in workload.counts:
            return False
        if subject.name in workload.once:
            return self._once and number == 0 and placement is self._placements[-1]
        return True

    def _measure(self, subject: Subject, placement: Placement, workload: Workload) -> float:
        count = workload.batch(subject.name, self._share)
        batches = 1 if subject.name in workload.once else workload.batches
        if not workload.fresh:
            pair = self._pairs[subject.name, placement.name]
            return median(pair.measure(workload.name, count, batches)) * workload.scale
        pair = Pair(subject, placement, workload.kinds.get(subject.name, "bench"))
        try:
            return median(pair.measure(workload.name, count, batches)) * workload.scale
        finally:
            pair.stop()

    def _restart(self, subject: Subject, placement: Placement) -> None:
        """Replace a pair that may be in the middle of something."""
        key = (subject.name, placement.name)
        self._pairs[key].stop()
        self._pairs[key] = Pair(subject, placement)


def _progress(text: str, end: str = "") -> None:
    """Show on standard error what is being done: in place on a terminal, else only whole lines."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}{end}")
    elif end:
        sys.stderr.write(text + end)
    sys.stderr.flush()
