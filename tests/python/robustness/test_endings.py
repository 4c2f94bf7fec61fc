"""Row S23: programs end, fork and are interrupted while connections are in use; none hangs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.presence import require

ENDINGS = Path(__file__).resolve().parent.parent / "peers" / "endings.py"


@pytest.mark.soak
@pytest.mark.timeout(120)
def test_no_ending_hangs(servers, soak):
    require("ours")
    count = soak.amount(40, 10_000)
    port = servers.fresh("ours", "gates:gates").port
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(ENDINGS), "--port", str(port), "--count", str(count)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["wrong"] == [], done.stderr
    assert result["runs"] == count
    soak.record("S23", f"{count} endings in 5 ways, the longest {result['longest']:.2f} s")
