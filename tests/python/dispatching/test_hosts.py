"""Servers inside other programs: the examples for gdb, Qt and asyncio."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.combos import only, ours_only
from harness.presence import require
from harness.programs import EXAMPLES, port_of
from harness.sanitizing import UNDER_SANITIZER


def package_folder():
    """Return the folder that our package is in."""
    return Path(importlib.util.find_spec("sinew").origin).parent.parent


@pytest.fixture(scope="module")
def gdb():
    """What starts gdb without reading anybody's settings; its Python must be ours."""
    require("ours")
    if UNDER_SANITIZER:
        pytest.skip("gdb cannot run with a sanitizer's runtime preloaded")
    if not shutil.which("gdb"):
        pytest.skip("gdb is not installed")
    command = ["gdb", "-q", "-batch", "-nx"]
    asked = subprocess.run(
        [*command, "-ex", "python import sys; print('python', *sys.version_info[:2])"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    ).stdout
    if asked.split() != ["python", *map(str, sys.version_info[:2])]:
        pytest.skip(f"gdb has another Python: {asked.strip() or 'none'}")
    path = f"python import sys; sys.path.insert(0, {str(package_folder())!r})"
    return [*command, "-ex", path]


@pytest.fixture
def in_gdb(gdb):
    """The port of the server inside a gdb whose program runs as long as the test does."""
    program = subprocess.Popen(
        [*gdb, "-x", EXAMPLES / "gdb_server.py", "-ex", "run", "--args", shutil.which("cat")],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
    )
    try:
        yield SimpleNamespace(port=port_of(program))
    finally:
        # gdb 13 crashes if it ends with an event that was posted and did not come to run.
        program.kill()
        program.wait(10)
        program.stdin.close()
        program.stderr.close()


@only(server="ours")
def test_gdb_is_driven_on_its_own_thread(in_gdb, connect_to):
    conn = connect_to(in_gdb)
    root = conn.root
    assert root.runs_on_gdbs_thread()
    assert root.evaluate("6 * 7") == "42"
    assert "cat" in root.execute("info inferiors")
    with pytest.raises(Exception, match="No symbol"):
        root.evaluate("no_such_variable")
    second = connect_to(in_gdb)
    assert second.root.evaluate("1 + 1") == "2"


IMPORTED = """python
import os, sys, sysconfig
before = len(os.listdir("/proc/self/task")), set(sys.modules)
import sinew, sinew.rpyc
sinew.connect, sinew.serve, sinew.dispatch, sinew.rpyc.connect
print("threads", len(os.listdir("/proc/self/task")) - before[0])
new = [sys.modules[name] for name in set(sys.modules) - before[1]]
files = [getattr(module, "__file__", None) or "" for module in new]
standard = sysconfig.get_paths()["stdlib"]
for name in sorted(files):
    if name and not name.startswith(standard):
        print("from", os.path.basename(os.path.dirname(name)), os.path.splitext(name)[1])
end
"""


@ours_only
def test_importing_in_gdb_loads_one_shared_object_and_starts_no_thread(impl, gdb, tmp_path):
    script = tmp_path / "look.gdb"
    script.write_text(IMPORTED)
    done = subprocess.run(
        [*gdb, "-x", script],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    lines = done.stdout.splitlines()
    assert "threads 0" in lines
    sources = [line.split()[1:] for line in lines if line.startswith("from ")]
    assert [kind for _, kind in sources].count(".so") == 1
    assert {folder for folder, _ in sources} <= set("sinew dispatch rpyc core utils lib".split())


@pytest.fixture
def in_qt():
    """The port of the server of a Qt program without a screen."""
    require("ours")
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    program = subprocess.Popen(
        [sys.executable, EXAMPLES / "qt_server.py"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    try:
        yield SimpleNamespace(port=port_of(program), program=program)
    finally:
        program.kill()
        program.wait(10)
        program.stderr.close()


@only(server="ours")
def test_a_qt_window_is_driven_on_its_own_thread(in_qt, connect_to, rpyc):
    panel = connect_to(in_qt).root
    panel.show("12.7 V")
    assert panel.shown() == "12.7 V"
    panel.ask(lambda text: f"{text}, {panel.shown()}")  # asks while it is asked
    assert panel.shown() == "12.7 V, 12.7 V"
    rpyc.async_(panel.quit)()
    assert in_qt.program.wait(10) == 0


@ours_only
def test_coroutines_are_served_and_awaited(impl):
    require("ours")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "asyncio_server.py"],
        stdout=subprocess.PIPE,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout.splitlines() == ["one soup", "one egg", "one cake"]
