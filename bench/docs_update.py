"""Rewrites the measured part of docs/performance.md, which is between two markers."""

from __future__ import annotations

from pathlib import Path

from results import Results
from tables import PLACEMENTS, as_markdown, figures, targets
from targets import BY_NAME, verdicts

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
_BEGIN = "<!-- begin: written by bench/run.py --update-docs -->"
_END = "<!-- end: written by bench/run.py --update-docs -->"


def update(results: Results, machine: dict[str, str], rounds: int) -> None:
    """Replace what is between the markers; ValueError if the document does not have them."""
    text = DOCUMENT.read_text()
    head, begin, rest = text.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{DOCUMENT.name} has lost its markers")
    body = _generated(results, machine, rounds)
    DOCUMENT.write_text(f"{head}{begin}\n\n{body}\n\n{end}{tail}")


def _missed(results: Results) -> str:
    """Return the sentence that says which targets are missed."""
    missed = [
        f"{BY_NAME[verdict.target.workload].title} ({verdict.target.subject}, "
        f"{verdict.target.placement})"
        for verdict in verdicts(results)
        if verdict.word == "missed"
    ]
    return f"Missed in this run: {'; '.join(missed)}." if missed else "No target is missed."


def _generated(results: Results, machine: dict[str, str], rounds: int) -> str:
    facts = "; ".join(f"{name}: {value}" for name, value in machine.items())
    parts = [
        f"Command: `./dev bench --rounds {rounds} --update-docs`.",
        f"Machine: {facts}.",
        "### Targets",
        as_markdown(*targets(results), left=3),
        _missed(results),
    ]
    for placement, title in PLACEMENTS.items():
        head, rows = figures(results, placement)
        if rows:
            parts += [f"### {title}", as_markdown(head, rows)]
    return "\n\n".join(parts)
