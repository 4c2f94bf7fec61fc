"""How long an import takes: whole processes, beyond one that only starts the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from time import perf_counter

from results import Results
from subjects import FLOOR, OURS_OURS, STOCK_STOCK
from workloads import IMPORT, IMPORT_FACE

_BARE = "pass"
_PROGRAMS = {
    (IMPORT, OURS_OURS.name): "import sinew",
    (IMPORT, STOCK_STOCK.name): "import rpyc",
    (IMPORT_FACE, OURS_OURS.name): "import sinew.rpyc as rpyc; rpyc.connect; rpyc.Service",
    (IMPORT_FACE, STOCK_STOCK.name): "import rpyc; rpyc.connect; rpyc.Service",
}
# An installed package has its bytecode beside it; without, compiling would be half of the figure.
_ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}


def measure_imports(results: Results, placement: str, rounds: int, wanted: list[str]) -> None:
    """Add the milliseconds of each import; the floor is the bare interpreter.

    `wanted` are the workloads to measure.
    """
    programs = {key: text for key, text in _PROGRAMS.items() if key[0] in wanted}
    for text in {_BARE, *programs.values()}:
        _milliseconds(text)  # compiled and in the page cache from now on
    for number in range(rounds):
        bare = _milliseconds(_BARE)
        for (workload, subject), text in programs.items():
            results.add(workload, subject, placement, number, _milliseconds(text) - bare)
        for workload in wanted:
            results.add(workload, FLOOR, placement, number, bare)


def _milliseconds(program: str) -> float:
    start = perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=_ENVIRONMENT)
    return (perf_counter() - start) * 1e3
