"""An include may only point downwards."""

from __future__ import annotations

import re
from pathlib import PurePosixPath as Path

import pytest
from lint_files import ROOT, project_files, read_text
from lint_layers import INCLUDE, RANKS, VOCABULARY, upward_includes


def test_no_include_points_upwards() -> None:
    wrong = [
        f"{path}:{line}: {message}"
        for path in project_files()
        if path.parts[0] == "src" and path.suffix in {".h", ".cpp"}
        for line, message in upward_includes(Path(path), read_text(path) or "")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_vocabulary_includes_nothing_but_itself() -> None:
    for name in VOCABULARY:
        included = set(INCLUDE.findall((ROOT / "include" / name).read_text()))
        assert included <= VOCABULARY


def test_the_layers_are_those_that_are_built() -> None:
    build = (ROOT / "CMakeLists.txt").read_text()
    built = re.findall(r"set\(SINEW_(?:LAYERS|PROGRAM_LAYER) ([^)]*)\)", build)
    assert " ".join(built).split() == list(RANKS)


def test_every_folder_of_the_engine_is_a_layer() -> None:
    folders = {
        path.parts[1] for path in project_files() if path.parts[0] == "src" and len(path.parts) > 2
    }
    assert folders <= set(RANKS)


@pytest.mark.parametrize(
    ("path", "include"),
    [
        ("src/base/errc.h", "wire/value.h"),
        ("src/object/export_table.h", "io/stream.h"),
        ("src/io/stream.h", "object/export_table.h"),
        ("src/rpc/connection.cpp", "dialect/rpyc/session.h"),
        ("src/rpc/connection.cpp", "connection.h"),
        ("src/wire/value.cpp", "ext/model.h"),
        ("src/server/pooled.h", "sinew/object.hpp"),
        ("src/api/peer.cpp", "cli/terminal.h"),
    ],
)
def test_a_wrong_include_is_found(path: str, include: str) -> None:
    assert list(upward_includes(Path(path), f'#include <vector>\n#include "{include}"\n'))


@pytest.mark.parametrize(
    ("path", "include"),
    [
        ("src/wire/value.h", "base/errc.h"),
        ("src/wire/value.cpp", "wire/value.h"),
        ("src/rpc/connection.h", "io/stream.h"),
        ("src/dialect/rpyc/session.cpp", "dialect/rpyc/session.h"),
        ("src/wire/value.h", "sinew/value.hpp"),
    ],
)
def test_a_right_include_is_not(path: str, include: str) -> None:
    assert not list(upward_includes(Path(path), f'#include "{include}"\n'))
