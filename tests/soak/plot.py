"""The samples of a soak as a picture in SVG, without a library for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from samples import Sample

WIDTH, HEIGHT = 860, 118  # of one panel's drawing, in pixels
LEFT, TOP, GAP, BOTTOM = 64, 46, 46, 40
COLOURS = ("#1b6ca8", "#c8553d", "#8a8a8a", "#3a7d44")
POINTS = 240  # for each line: as many as can be told apart

PANELS: tuple[tuple[str, Callable[[Sample], float]], ...] = (
    ("resident memory, MiB", lambda one: one.rss_kib / 1024),
    ("descriptors", lambda one: one.descriptors),
    ("threads", lambda one: one.threads),
    ("objects lent to peers", lambda one: one.exports),
    ("objects borrowed from peers", lambda one: one.imports),
)


def draw(samples: list[Sample], title: str) -> str:
    """Return the picture: a panel for each quantity, a line in it for each process."""
    members = list(dict.fromkeys(one.member for one in samples))
    height = TOP + len(PANELS) * (HEIGHT + GAP) + BOTTOM
    end = max(one.seconds for one in samples)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{LEFT + WIDTH + 20}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>',
        *_legend(members),
    ]
    for number, (name, quantity) in enumerate(PANELS):
        top = TOP + 22 + number * (HEIGHT + GAP)
        series = {
            member: [(one.seconds, quantity(one)) for one in samples if one.member == member]
            for member in members
        }
        lines += _panel(name, series, top, end)
    lines += [*_minutes(end, height - BOTTOM), "</svg>"]
    return "\n".join(lines) + "\n"


def _legend(members: list[str]) -> Iterator[str]:
    for number, member in enumerate(members):
        x = LEFT + number * 200
        yield f'<rect x="{x}" y="30" width="14" height="4" fill="{COLOURS[number]}"/>'
        yield f'<text x="{x + 20}" y="37">{escape(member)}</text>'


def _panel(
    name: str, series: dict[str, list[tuple[float, float]]], top: float, end: float
) -> Iterator[str]:
    highest = _round_up(max(value for points in series.values() for _, value in points))
    yield f'<text x="{LEFT}" y="{top - 6}">{escape(name)}</text>'
    for part in (0, 0.5, 1):
        y = top + HEIGHT * (1 - part)
        yield f'<path d="M{LEFT} {y:.1f}h{WIDTH}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{highest * part:g}</text>'
    for number, points in enumerate(series.values()):
        drawn = " ".join(
            f"{LEFT + WIDTH * x / end:.1f},{top + HEIGHT * (1 - y / highest):.1f}"
            for x, y in _thinned(points)
        )
        yield (
            f'<polyline points="{drawn}" fill="none" stroke="{COLOURS[number]}" '
            'stroke-width="1.4"/>'
        )


def _thinned(points: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Of each few neighbours the highest: a peak is what one looks for."""
    step = -(-len(points) // POINTS)
    for begin in range(0, len(points), step):
        yield max(points[begin : begin + step], key=lambda point: point[1])


def _round_up(value: float) -> float:
    """Return the next 1, 2, 4, 5, 6, 8 or 10 times a power of ten."""
    unit = 1.0
    while unit * 10 <= value:
        unit *= 10
    return next((unit * step for step in (1, 2, 4, 5, 6, 8) if unit * step >= value), unit * 10)


def _minutes(end: float, y: float) -> Iterator[str]:
    for part in range(7):
        x = LEFT + WIDTH * part / 6
        label = f"{end * part / 360:.3g} min"
        yield f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{label}</text>'
