"""The files of the project, and how to read C++ without its comments and strings."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What is made, not written; and data, which has no style.
SKIPPED_FOLDERS = {"build", "dist", "__pycache__"}
SKIPPED_PATHS = ("fuzz/corpus/", "tests/data/")


def project_files() -> list[Path]:
    """Every text file of the project, relative to its root."""
    found = []
    for folder, names, files in os.walk(ROOT):
        names[:] = [
            name
            for name in names
            if name not in SKIPPED_FOLDERS and (not name.startswith(".") or name == ".ci")
        ]
        found += [Path(folder, name).relative_to(ROOT) for name in files]
    return sorted(path for path in found if not path.as_posix().startswith(SKIPPED_PATHS))


def read_text(path: Path) -> str | None:
    """The text of a project file, or None when it is binary."""
    data = (ROOT / path).read_bytes()
    return None if b"\0" in data else data.decode("utf-8")


CPP_TOKEN = re.compile(
    r"""
      (?P<comment> //[^\n]* | /\*.*?\*/ )
    | (?P<raw> R"(?P<mark>[^\s()\\]{0,16})\( .*? \)(?P=mark)" )
    | (?P<string> "(?:[^"\\\n]|\\.)*" )
    | (?P<char> (?<![0-9A-Za-z_])'(?:[^'\\\n]|\\.)+' )
    """,
    re.VERBOSE | re.DOTALL,
)


def cpp_code(text: str) -> str:
    """C++ with comments, strings and characters blanked out. Lines and includes stay."""

    def blank(match: re.Match[str]) -> str:
        start = text.rfind("\n", 0, match.start()) + 1
        if match["string"] and text[start : match.start()].lstrip().startswith("#include"):
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])

    return CPP_TOKEN.sub(blank, text)


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
