"""Which layer may include which; see the order in CMakeLists.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath as Path

# Layers of one rank do not know each other.
RANKS = {
    "base": 0,
    "wire": 1,
    "object": 2,
    "io": 2,
    "rpc": 3,
    "dialect": 4,
    "server": 5,
    "naming": 6,
    "trace": 7,
    "api": 8,
    "cli": 9,
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


# Public headers that any layer may include: they include nothing of ours but each other.
VOCABULARY = {"sinew/error.hpp", "sinew/value.hpp"}


def may_include(layer: str, included: str) -> bool:
    return layer == included or RANKS[included] < RANKS[layer]


def upward_includes(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """The includes of a file of src/ that point to the side, upwards, or nowhere."""
    layer = path.parts[1]
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        included = match[1].split("/")[0]
        if match[1] in VOCABULARY:
            continue
        if included == "sinew":  # the other public headers are what api/ implements
            included = "api"
        if included not in RANKS:
            yield line, f'write includes from src/, with the layer: "{match[1]}"'
        elif not may_include(layer, included):
            yield line, f'{layer} may not include {included}: "{match[1]}"'
