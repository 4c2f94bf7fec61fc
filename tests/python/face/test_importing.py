"""What an import costs: programs that start often, tools and tests, pay for every module in it."""

import subprocess
import sys

import pytest

from harness.presence import require

# What a client cannot do without. Anything else it would pay for without using it: `inspect` and
# what that imports took 10 of 17 ms.
NEEDED = (
    "atexit, contextlib, importlib.machinery, itertools, socket, struct, types, zlib, __future__"
)
HEAVY = """
asyncio ast dataclasses dis inspect logging multiprocessing pickle random re subprocess threading
traceback typing
""".split()

REPORT = """
import sys
{needed}
ours = ("sinew", "rpyc")
before = set(sys.modules)
{program}
print(*sorted(name for name in set(sys.modules) - before if name.partition(".")[0] not in ours))
"""

CLIENT = "import sinew, sinew.rpyc; sinew.rpyc.connect"


def newly_imported(program, needed=f"import {NEEDED}"):
    """Return the modules, but for ours and `needed`, that a new process imports for `program`."""
    require("ours")
    done = subprocess.run(
        [sys.executable, "-c", REPORT.format(program=program, needed=needed)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import sinew, sinew.rpyc", id="import"),
        pytest.param(CLIENT, id="rpyc-connect"),
        pytest.param(f"{CLIENT}; sinew.rpyc.Service", id="rpyc-service"),
        pytest.param("import sinew; sinew.connect", id="sinew-connect"),
        pytest.param("import sinew; sinew.install_as('rpyc'); import rpyc", id="install-as"),
    ],
)
def test_a_client_imports_only_what_it_needs(program):
    assert newly_imported(program) == []


def test_importing_sinew_alone_imports_nothing():
    assert newly_imported("import sinew", needed="") == []


def test_what_a_client_needs_is_not_heavy_itself():
    assert not set(newly_imported(f"import {NEEDED}", needed="")) & set(HEAVY)


def test_the_check_sees_a_heavy_module():
    assert "inspect" in newly_imported("import sinew.rpyc, inspect")
