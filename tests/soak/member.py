"""One process of the soak: it says what it holds, and what it has done, whenever it is asked.

Its standard input has one word a line: `sample` is answered with a line of JSON, `finish` with
another, after everything has been let go of. At the end of the input the process ends.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from typing import Any

Report = dict[str, Any]


def answer(sample: Callable[[], Report], finish: Callable[[], None]) -> None:
    """Answer until the input ends; then the process is over, whatever its threads do.

    `sample` is asked for `calls`, `exports`, `imports`, `busy` and `error`.
    """
    for line in sys.stdin:
        if line.strip() == "finish":
            finish()
            gc.collect()
        print(json.dumps(sample()), flush=True)
    os._exit(0)


def say(report: Report) -> None:
    """Print a line of JSON before anything is asked."""
    print(json.dumps(report), flush=True)


def tables_of(conn: Any) -> tuple[int, int]:
    """Return how many objects a connection, ours or stock's, has lent and has borrowed."""
    if hasattr(conn, "counts"):
        counts = conn.counts()
        return counts["exports"], counts["imports"]
    return len(conn._local_objects._dict), len(conn._proxy_cache)


def living(rpyc: Any) -> dict[str, int]:
    """Return what the engine knows to be alive, by kind; nothing for stock."""
    if rpyc.__name__ == "rpyc":
        return {}
    from sinew._sinew import live_counts  # noqa: PLC0415 - stock's process has none

    return {name: count for name, count in live_counts().items() if count}
