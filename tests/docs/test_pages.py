"""Every page of the documentation does what it says."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pages import PAGES, ROOT, PageError, blocks_of, differs

HERE = Path(__file__).resolve().parent
# The ports that pages name: RPyC's and ours.
WELL_KNOWN = (18811, 18812, 18821, 18861, 18862)


def free_ports() -> dict[int, int]:
    """Return a free port of this machine for each well-known one."""
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in WELL_KNOWN]
    try:
        return dict(zip(WELL_KNOWN, (sock.getsockname()[1] for sock in socks), strict=True))
    finally:
        for sock in socks:
            sock.close()


def run(page: Path, folder: Path, limit: float = 20) -> subprocess.CompletedProcess[str]:
    """Run a page as a session, in an empty folder; `limit` is what a block may take, in seconds."""
    path = [str(HERE / "world"), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, HERE / "session.py", page, str(limit)],
        cwd=folder,
        env={
            **os.environ,
            "DOCS_PORTS": json.dumps(free_ports()),
            "PATH": f"{HERE}/world/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "QT_QPA_PLATFORM": "offscreen",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_runs(page: Path, tmp_path: Path) -> None:
    done = run(page, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


# -- the test of the test ------------------------------------------------------------------------

GOOD = """
A page.

<!-- setup
import threading
-->

```python
import sinew

class Adder:
    @sinew.expose
    def add(self, a, b): return a + b

sinew.serve(Adder(), "tcp://127.0.0.1:18861")
```

```python
conn = sinew.connect("tcp://lab-7:18861")
print(conn.root.add(1, 2))
result = await sinew.async_(conn.root.add)(3, 4)
print("now", result)
```

```text
3
now ...
```

```python
with sinew.start_server(Adder(), "tcp://127.0.0.1") as server:
    print(sinew.connect(server.address).root.add(5, 6))
```

```text
11
```

<!-- not run: there is no such machine -->
```python
import no_such_module
```

<!-- goes on -->
```python
threading.Event().wait()
```

```console
$ echo one two
one ...
$ sinew classic --port 18812
```

```python
print(sinew.connect("tcp://lab-7").eval("6 * 7"))
```

```text
42
```
"""

BREAKS = {
    "an exception": ("conn.root.add(1, 2)", "conn.root.subtract(1, 2)", "subtract"),
    "another output": ("42\n", "43\n", "43"),
    "a syntax error in what is not run": (
        "import no_such_module",
        "import import",
        "import import",
    ),
    "a comment without a reason": (
        "not run: there is no such machine",
        "not run",
        "wants a reason",
    ),
    "a command that fails": ("echo one two", "false", "ended with 1"),
    "a command that prints another thing": ("echo one two", "echo two", "one ..."),
    "a command that hangs": ("echo one two", "sleep 1000", "did not end"),
    "a block that hangs": (
        "import threading\n-->",
        "import threading\nthreading.Event().wait()\n-->",
        "did not end",
    ),
    "a server that cannot start": (
        "sinew.serve(Adder()",
        "sinew.serve(object()",
        "exposes nothing",
    ),
    "a block that was to go on": ("threading.Event().wait()", "raise OSError('gone')", "gone"),
}


def test_a_page_that_is_right_passes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(GOOD)
    done = run(page, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", BREAKS)
def test_a_page_that_is_wrong_is_found(name: str, tmp_path: Path) -> None:
    right, wrong, said = BREAKS[name]
    assert GOOD.count(right) == 1
    page = tmp_path / "page.md"
    page.write_text(GOOD.replace(right, wrong))
    done = run(page, tmp_path, limit=3 if "hangs" in name else 20)
    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stdout
    assert f"{page}: line " in done.stdout


def test_what_is_said_of_no_block_is_refused() -> None:
    with pytest.raises(PageError, match="of no block"):
        blocks_of("<!-- goes on -->\n\ntext\n")
    with pytest.raises(PageError, match="not run anyway"):
        blocks_of("<!-- not run: why -->\n```cpp\nint x;\n```\n")


def test_every_python_block_is_taken() -> None:
    for page in PAGES:
        text = page.read_text()
        shown = [block for block in blocks_of(text) if not block.hidden]
        assert len([b for b in shown if b.language == "python"]) == text.count("\n```python\n")


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [("a\n", "a\n", True), ("a ...\n", "a b\n", True), ("a\nb", "a\n\nb\n", True), ("a", "b", 0)],
)
def test_dots_stand_for_anything(expected: str, actual: str, same: bool) -> None:
    assert (differs(expected, actual) is None) == same
