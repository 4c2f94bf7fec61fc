"""Programs that a test starts, such as the examples."""

import re
import selectors
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def port_of(program):
    """Return the port in the line that `sinew.serve` prints."""
    with selectors.DefaultSelector() as selector:
        selector.register(program.stderr, selectors.EVENT_READ)
        while selector.select(20):
            line = program.stderr.readline()
            found = re.search(r"serving .* at tcp://127\.0\.0\.1:(\d+)", line)
            if found:
                return int(found[1])
            assert line, "the program ended"
    raise AssertionError("no address within 20 s")
