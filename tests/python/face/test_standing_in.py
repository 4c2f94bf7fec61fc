"""`import rpyc` as Sinew: the shim on the path, and `install_as`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.presence import require

SHIMS = Path(__file__).parents[3] / "shims"

USE = """
import rpyc, rpyc.utils.server
from rpyc.core.protocol import Connection
from rpyc.utils.classic import obtain
import sinew.rpyc
assert rpyc is sinew.rpyc, rpyc
assert rpyc.utils.server is sinew.rpyc.utils.server
assert Connection is sinew.rpyc.core.protocol.Connection
assert Connection.__module__ == "rpyc.core.protocol"
assert rpyc.core.service.__spec__.name == "sinew.rpyc.core.service"
conn = rpyc.classic.connect_thread()
assert conn.modules["rpyc.core.service"].Service.__name__ == "Service"
conn.close()
"""


def run(code, path=()):
    """Run Python code in a new process and return its standard error."""
    require("ours")
    inherited = os.environ.get("PYTHONPATH", "")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), inherited])}
    done = subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done.returncode, done.stderr


def test_the_shim_on_the_path_is_sinew():
    assert run(USE, [SHIMS]) == (0, "")


def test_install_as():
    assert run("import sinew; sinew.install_as('rpyc'); sinew.install_as('rpyc')" + USE) == (0, "")


def test_a_program_of_the_package_runs_under_its_old_name():
    code = (
        "import runpy, sys\n"
        "sys.argv = ['rpyc_classic', '--help']\n"
        "try: runpy.run_module('rpyc.cli.rpyc_classic', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
    )
    assert run(code, [SHIMS]) == (0, "")


def test_a_module_that_does_not_exist_is_not_found_under_the_alias():
    code = (
        "import sinew; sinew.install_as('rpyc')\n"
        "try: import rpyc.nothing\n"
        "except ModuleNotFoundError: pass\n"
    )
    assert run(code) == (0, "")


def test_too_late_is_an_error():
    code, errors = run("import rpyc, sinew; sinew.install_as('rpyc')")
    assert code != 0
    assert "imported already" in errors


@pytest.mark.parametrize("name", ["Pyro5", "os"])
def test_other_names_are_refused(name):
    code, errors = run(f"import sinew; sinew.install_as({name!r})")
    assert code != 0
    assert "cannot" in errors or "can stand in" in errors
