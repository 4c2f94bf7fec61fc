"""What the build, the front door and their documentation say of each other."""

from __future__ import annotations

import os
import re

import pytest
from lint_files import ROOT, project_files

SETUP = (ROOT / "scripts/dev/setup.sh").read_text()
DEPENDENCIES = (ROOT / "docs/dependencies.md").read_text()
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


def debian_packages() -> set[str]:
    lists = re.findall(r"^PACKAGES_\w+=\(([^)]*)\)", SETUP, re.MULTILINE)
    return {package for names in lists for package in names.split()}


def requirement_lines() -> list[str]:
    lines = [line for path in REQUIREMENTS for line in path.read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_every_library_and_tool_is_documented() -> None:
    # Python itself, git and the parts that come with a documented package need no row.
    implied = {"g++", "python3", "python3-venv", "git", "clang-format-19", "clang-tidy-19"}
    packages = debian_packages()
    assert len(packages) > 10
    assert not [name for name in sorted(packages - implied) if name not in DEPENDENCIES]


@pytest.mark.parametrize("line", requirement_lines())
def test_a_requirement_is_pinned(line: str) -> None:
    assert re.fullmatch(r"[\w-]+==[\w.]+(; python_version [<>=]+ \"[\d.]+\")?", line)


def test_the_build_backend_is_the_same_in_both_places() -> None:
    (backend,) = re.findall(
        r'^requires = \["(scikit-build-core==[^"]+)"\]',
        (ROOT / "pyproject.toml").read_text(),
        re.MULTILINE,
    )
    assert backend in requirement_lines()


def test_help_names_every_command() -> None:
    front_door = (ROOT / "dev").read_text()
    commands = re.findall(r"^    ([a-z |-]+)\) cmd_", front_door, re.MULTILINE)
    usage = front_door.partition("TEXT'")[2].partition("\nTEXT")[0]
    names = [name for command in commands for name in command.split(" | ")]
    assert len(names) >= 8
    assert not [name for name in names if not re.search(rf"^  {name}\b", usage, re.MULTILINE)]


@pytest.mark.parametrize("path", ["dev", ".ci/run", "tests/model/run_spin.sh"])
def test_a_script_can_be_run(path: str) -> None:
    assert os.access(ROOT / path, os.X_OK)


def test_every_script_stops_at_a_failure() -> None:
    scripts = [
        path
        for path in project_files()
        if (ROOT / path).read_bytes().startswith((b"#!/usr/bin/env bash", b"#!/bin/bash"))
    ]
    assert len(scripts) >= 3
    assert not [path for path in scripts if "set -euo pipefail" not in (ROOT / path).read_text()]
