"""Row S23: Ctrl-C returns at once, wherever the main thread waits.

The places are in peers/places.py.
"""

import ast
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.impls import DEFAULT_STOCK
from harness.presence import require
from harness.waiting import eventually

WAITS = Path(__file__).resolve().parent.parent / "peers" / "waits.py"
PLACES = WAITS.with_name("places.py")
LIMIT = 0.2
# These are ended by Ctrl-C without an exception, as in RPyC.
RETURN = ("start_of", "serving_an_object", "a_udp_registry", "a_tcp_registry")


def places():
    """Return the names of the places; reading is cheaper than importing, and needs nothing."""
    tree = ast.parse(PLACES.read_text())
    kinds = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "KINDS"
    )
    decorated = [
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list
    ]
    starts = ("start_of_a_{}", "start_of_a_busy_{}", "start_of_a_{}_with_a_silent_client")
    return decorated + [start.format(kind) for start in starts for kind in kinds]


class Waiters:
    """Makes processes that wait at a place, one after the other."""

    def __init__(self, port):
        self._process = subprocess.Popen(
            [sys.executable, str(WAITS), "--port", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._heard = b""
        self._pid = None

    def begin(self, place, tries):
        """Make one that waits there so many times."""
        self._heard = b""
        self._process.stdin.write(f"{place} {tries}\n".encode())
        self._process.stdin.flush()
        self._pid = self.hear()["pid"]

    def hear(self):
        """Return its next words."""
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._heard:
            assert select.select([pipe], [], [], 15)[0], "it hangs"
            some = os.read(pipe, 4096)
            assert some, "it died"
            self._heard += some
        line, _, self._heard = self._heard.partition(b"\n")
        words = json.loads(line)
        assert "error" not in words, words["error"]
        return words

    def interrupt(self):
        """Press Ctrl-C once it sleeps; return when, of the monotonic clock."""
        eventually(self._sleeps, 15)
        at = time.monotonic()
        os.kill(self._pid, signal.SIGINT)
        return at

    def _sleeps(self):
        return Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2][1] == "S"

    def end(self):
        """End the last one, and what it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


@pytest.fixture(scope="module")
def waiters(servers, made):
    """The Waiters of this module, beside a server with gates."""
    require("ours")
    with contextlib.closing(Waiters(servers.get("ours", "gates:gates").port)) as made_once:
        yield made_once


@pytest.mark.soak
@pytest.mark.timeout(60)
@pytest.mark.parametrize("place", places())
def test_ctrl_c_returns_at_once(waiters, place, soak, stock_version):
    """Of three times in a short run one may be late: the machine may be busy elsewhere."""
    if stock_version != DEFAULT_STOCK:
        pytest.skip("no stock peer plays in this")
    times, tries = [], soak.amount(3, 20)
    waiters.begin(place, tries)
    try:
        for _ in range(tries):
            assert waiters.hear() == {"waiting": True}
            at = waiters.interrupt()
            ended = waiters.hear()
            assert ended["how"] == ("returned" if place.startswith(RETURN) else "KeyboardInterrupt")
            times.append(ended["at"] - at)
    finally:
        waiters.end()
    assert sorted(times)[tries // 2] < LIMIT
    soak.record("S23", f"Ctrl-C: {place}: {max(times) * 1000:.1f} ms at most in {tries}")


def test_the_places_are_all_there():
    listing = "from peers.places import PLACES; print(*PLACES)"
    done = subprocess.run(
        [sys.executable, "-c", listing],
        cwd=WAITS.parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.split()) == sorted(places())
    assert len(places()) > 60
