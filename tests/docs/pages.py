"""The pages of the documentation, and the code in them.

A page is a session: its blocks run one after the other in one namespace. What is meant for the
machine stands in HTML comments, which no reader sees:

    <!-- setup ... -->       Python that runs at this point of the session: servers, files, names;
                             `close_servers()` there gives back the ports of earlier blocks
    <!-- not run: why -->    the next block is only compiled
    <!-- goes on -->         the next block never ends; the session waits for its server, if any

A block ```python runs, and a block ```console: its lines that begin with `$ ` are commands, the
others what they print. A block ```text right behind one of them is what it prints. In all that
is printed `...` stands for anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_PART = re.compile(
    r"""^<!--\s*(?P<comment>.*?)\s*-->[ ]*$
      | ^```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```[ ]*$""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_LANGUAGES = ("python", "console")


class PageError(Exception):
    """A page says something of its blocks that makes no sense."""


@dataclass
class Block:
    """A piece of code of a page: `line` is where it begins, counted from 1."""

    language: str  # "python" or "console"
    code: str
    line: int
    output: str | None = None  # what the page says that it prints
    not_run: str | None = None  # why it is only compiled
    goes_on: bool = False
    hidden: bool = False  # of a comment


def blocks_of(text: str) -> list[Block]:
    """Return what a page runs, in order; PageError if that cannot be made out."""
    blocks: list[Block] = []
    pending: dict[str, str | bool] = {}
    last_end = None  # where the last shown block ended: its output stands right behind it
    for part in _PART.finditer(text):
        line = text.count("\n", 0, part.start()) + 1
        if part["comment"] is not None:
            pending |= _said(part["comment"], line, blocks)
            continue
        if part["language"] == "text" and last_end is not None:
            if not text[last_end : part.start()].strip():
                blocks[-1].output = part["code"]
        elif part["language"] in _LANGUAGES:
            blocks.append(Block(part["language"], part["code"], line + 1, **pending))
            pending, last_end = {}, part.end()
            continue
        if pending:
            raise PageError(f"line {line}: {pending} is said of a block that is not run anyway")
        last_end = None
    if pending:
        raise PageError(f"{pending} is said of no block")
    return blocks


def _said(comment: str, line: int, blocks: list[Block]) -> dict[str, str | bool]:
    """Return what a comment says of the next block; a setup is a block itself."""
    word, _, rest = comment.partition("\n")
    if word == "setup":
        blocks.append(Block("python", rest + "\n", line + 1, hidden=True))
        return {}
    if word == "goes on":
        return {"goes_on": True}
    if comment.startswith("not run"):
        reason = comment.removeprefix("not run").lstrip(":").strip()
        if not reason:
            raise PageError(f"line {line}: `not run` wants a reason: <!-- not run: why -->")
        return {"not_run": reason}
    return {}  # a comment like others


def differs(expected: str, actual: str) -> str | None:
    """Return how what was printed differs from what a page says; None if it does not."""
    pattern = r"\s*".join(
        ".*?".join(map(re.escape, line.split("..."))) for line in expected.strip().splitlines()
    )
    if re.fullmatch(pattern, actual.strip(), re.DOTALL):
        return None
    return f"the page says that it prints\n{expected}\nbut it printed\n{actual}"
