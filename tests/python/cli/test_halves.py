"""One program in two halves: the commands in C++ and those that need an interpreter."""

import os
import subprocess
import sys

import pytest

from harness.combos import ours_only

pytestmark = ours_only
IN_PYTHON = ["classic", "serve", "spawn", "registry"]


@pytest.fixture
def in_python(lib, tmp_path):
    """A function that runs the package's half, which finds the other one where it is installed."""

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", "sinew", *arguments],
            capture_output=True,
            text=True,
            timeout=25,
            check=False,
            cwd=tmp_path,
            env={**os.environ, **environment},
        )

    return run


def with_python(python):
    return {"env": {**os.environ, "SINEW_PYTHON": str(python)}}


def test_help_lists_the_commands_of_both(said):
    text = said("--help")
    for command in [*IN_PYTHON, "call", "get"]:
        assert f"\n    {command} " in text


def test_both_have_one_version_and_one_help(said, in_python):
    for option in ("--version", "--help"):
        assert in_python(option).stdout == said(option)


def test_the_package_starts_the_program(in_python):
    done = in_python("call", "--help")
    assert done.returncode == 0
    assert "sinew call" in done.stdout
    done = in_python("call", "http://lab-7", "add")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("command", IN_PYTHON)
def test_the_program_starts_the_package(said, lib, command):
    text = said(command, "--help", **with_python(sys.executable))
    assert text.startswith(f"usage: sinew {command} ")


def test_no_python_is_a_line(complaint, tmp_path):
    line = complaint(4, "classic", **with_python(tmp_path / "nothing"))
    assert line.startswith("sinew: classic needs Python with the package sinew")
    assert "SINEW_PYTHON" in line


def test_a_python_without_the_package_is_a_line(complaint, tmp_path):
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    line = complaint(4, "classic", **with_python(bare))
    assert line.startswith("sinew classic: ")
    assert "has no package sinew" in line


def test_what_lies_in_the_current_folder_is_not_imported(said, lib, tmp_path):
    for name in ("sinew", "argparse"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')\n")
    text = said("serve", "--help", **with_python(sys.executable))
    assert text.startswith("usage: sinew serve ")


def test_without_arguments_the_help_is_shown(sinew, said):
    done = sinew()
    assert (done.returncode, done.stdout) == (2, said("--help"))
