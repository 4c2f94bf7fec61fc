"""What is measured while the soak runs, and what it says about leaks."""

from __future__ import annotations

import csv
import dataclasses
import os
import statistics
from collections.abc import Iterable
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Sample:
    """One process at one moment. `cpu` is seconds since it began, `calls` those it has made."""

    seconds: float
    member: str
    rss_kib: int
    descriptors: int
    threads: int
    exports: int
    imports: int
    calls: int
    cpu: float


FIELDS = [field.name for field in dataclasses.fields(Sample)]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One sentence of the verdict, and whether it is as it should be."""

    good: bool
    text: str


def measure(pid: int) -> dict[str, float]:
    """Return what the kernel knows of a process."""
    process = Path(f"/proc/{pid}")
    pages = int((process / "statm").read_text().split()[1])
    times = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
    return {
        "rss_kib": pages * os.sysconf("SC_PAGESIZE") >> 10,
        "descriptors": len(os.listdir(process / "fd")),
        "threads": len(os.listdir(process / "task")),
        "cpu": sum(map(int, times)) / os.sysconf("SC_CLK_TCK"),
    }


def write(path: Path, samples: Iterable[Sample]) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(FIELDS)
        table.writerows(dataclasses.astuple(sample) for sample in samples)


def read(path: Path) -> list[Sample]:
    kinds = {"member": str, "seconds": float, "cpu": float}
    with path.open(newline="") as file:
        return [
            Sample(**{name: kinds.get(name, int)(text) for name, text in row.items()})
            for row in csv.DictReader(file)
        ]


def judge(
    samples: list[Sample], members: Iterable[str], warm_up: float, growth_kib: float
) -> list[Finding]:
    """Say of each member whether its memory, descriptors, threads and tables stayed as they were.

    The first `warm_up` seconds do not count: interpreters import, allocators find their size.
    Memory may rise by `growth_kib` over the rest, by the median of the slopes between samples,
    which a few peaks do not move.
    """
    findings = []
    for member in members:
        rows = [one for one in samples if one.member == member and one.seconds >= warm_up]
        if len(rows) < 6:
            findings.append(Finding(False, f"{member}: only {len(rows)} samples after the warm-up"))
            continue
        findings.append(_judge_memory(member, rows, growth_kib))
        for field, slack in (("descriptors", 1), ("threads", 1), ("exports", 32), ("imports", 32)):
            findings.append(_judge_level(member, rows, field, slack))
    return findings


def _judge_memory(member: str, rows: list[Sample], growth_kib: float) -> Finding:
    slope = slope_of([(row.seconds, row.rss_kib) for row in rows])
    grown = slope * (rows[-1].seconds - rows[0].seconds)
    text = (
        f"{member}: memory {rows[0].rss_kib} KiB, later {rows[-1].rss_kib} KiB, "
        f"at most {max(row.rss_kib for row in rows)} KiB; slope {slope * 3600:+.0f} KiB/h"
    )
    return Finding(grown <= growth_kib, text)


def slope_of(points: list[tuple[float, float]]) -> float:
    """Return the median of the slopes between any two points (Theil and Sen)."""
    points = points[:: max(1, len(points) // 700)]
    return statistics.median(
        (y2 - y1) / (x2 - x1)
        for index, (x1, y1) in enumerate(points)
        for x2, y2 in points[index + 1 :]
        if x2 > x1
    )


def _judge_level(member: str, rows: list[Sample], field: str, slack: int) -> Finding:
    values = [getattr(row, field) for row in rows]
    third = len(values) // 3
    before, after = statistics.median(values[:third]), statistics.median(values[-third:])
    text = (
        f"{member}: {field} {before:g} in the first third, {after:g} in the last, "
        f"{min(values)} to {max(values)} in all"
    )
    return Finding(after <= before * 1.1 + slack, text)
