"""The tables: aligned text for the terminal, Markdown for the documentation."""

from __future__ import annotations

from results import Results, Spread
from subjects import C_STOCK, FLOOR, STOCK_C
from targets import BY_NAME, Verdict, times_faster, verdicts
from workloads import PING, WORKLOADS, Workload

Row = list[str]

PLACEMENTS = {
    "one-core": "Both processes on one core: shows the code",
    "unpinned": "Unpinned: what users see",
}
_SUBJECTS = ("ours-ours", "ours-stock", "stock-ours", "stock-stock")
_LIMITS = (FLOOR, C_STOCK, STOCK_C)
_HEAD = {
    FLOOR: "C floor",
    C_STOCK: "C client, stock",
    STOCK_C: "stock, C server",
    "ours-ours": "ours, ours",
    "ours-stock": "ours, stock",
    "stock-ours": "stock, ours",
    "stock-stock": "stock, stock",
}


def number(value: float) -> str:
    """Return a figure with three significant digits."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def figures(results: Results, placement: str) -> tuple[Row, list[Row]]:
    """Return the head and the rows of everything measured at one placement."""
    head = ["client, server:", "unit", *(_HEAD[name] for name in (*_LIMITS, *_SUBJECTS))]
    rows = []
    for workload in WORKLOADS:
        cells = [_cell(workload, name, placement, results) for name in (*_LIMITS, *_SUBJECTS)]
        if any(cells):
            rows.append([workload.title, workload.unit, *cells])
    return head, rows


def _cell(workload: Workload, subject: str, placement: str, results: Results) -> str:
    figure = results.figure(workload.name, subject, placement)
    if figure is None:
        return ""
    times = times_faster(workload, subject, placement, results)
    if times is None or workload.name == PING:
        return number(figure.median)
    return f"{number(figure.median)} ({number(times.median)}x)"


def targets(results: Results) -> tuple[Row, list[Row]]:
    """Return the head and the rows of the targets, each with its verdict."""
    head = ["figure", "client, server", "placement", "target", "here", "measured", "verdict"]
    return head, [_target_row(verdict) for verdict in verdicts(results)]


def _target_row(verdict: Verdict) -> Row:
    target = verdict.target
    workload = BY_NAME[target.workload]
    show = _FORMATS[target.kind]
    return [
        workload.title,
        _HEAD[target.subject],
        target.placement,
        show(_bound(target.bound), workload.unit),
        "" if verdict.scaled is None else show(number(verdict.scaled), workload.unit),
        _with_quartiles(verdict.figure),
        verdict.word,
    ]


_FORMATS = {
    "times": lambda bound, unit: f">= {bound}x stock",
    "pings": lambda bound, unit: f"<= {bound} ping-pongs",
    "at most": lambda bound, unit: f"<= {bound} {unit}",
    "at least": lambda bound, unit: f">= {bound} {unit}",
}


def _bound(value: float) -> str:
    return f"{value:g}"


def _with_quartiles(figure: Spread) -> str:
    if figure.rounds < 3:
        return number(figure.median)
    return f"{number(figure.median)} [{number(figure.low)} .. {number(figure.high)}]"


def as_text(head: Row, rows: list[Row], left: int = 1) -> str:
    """Return a table in aligned columns; the first `left` are aligned to the left."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in (head, ["-" * width for width in widths], *rows):
        cells = (
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_markdown(head: Row, rows: list[Row], left: int = 1) -> str:
    """Return a table in Markdown."""
    rule = ["---" if index < left else "---:" for index in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))
