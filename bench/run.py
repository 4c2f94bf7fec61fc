"""Measure Sinew beside stock RPyC and beside what the machine can do at best.

Every row of docs/performance.md, with two processes over loopback TCP: once with both on one core,
which shows the code, and once unpinned, which is what users see. Progress goes to standard error;
Ctrl-C ends the run and prints what there is so far.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import signal
import sys
from pathlib import Path

import docs_update
from floor.build import build, compiler
from machine import describe_machine
from results import Results
from runner import Runner
from startup import measure_imports
from subjects import RPYC_SUBJECTS, Subject, floor_subjects, placements
from tables import PLACEMENTS, as_text, figures, targets
from workloads import PING, WORKLOADS, Workload

_ROUNDS, _QUICK_ROUNDS = 12, 3
_QUICK_SHARE = 0.4


def main(arguments: list[str]) -> int:
    """Run; return the exit status, which says whether all could be measured."""
    options = _parse(arguments)
    wanted = [workload for workload in WORKLOADS if _is_wanted(workload, options.only)]
    subjects = [*floor_subjects(build()), *RPYC_SUBJECTS]
    results = Results()
    runner = Runner(
        results,
        subjects,
        placements(options.placement),
        [workload for workload in wanted if not workload.separate],
        share=_QUICK_SHARE if options.quick else 1.0,
        once=not options.quick,
    )
    complete = _measure(runner, results, wanted, options)
    machine = describe_machine(compiler())
    print_tables(results, machine)
    if options.json:
        options.json.write_text(json.dumps(rows(results, subjects), indent=1) + "\n")
    if options.update_docs and complete:
        docs_update.update(results, machine, runner.rounds_done)
    for failure in runner.failures:
        sys.stderr.write(f"FAILED {failure}\n")
    return 0 if complete and not runner.failures else 1


def _measure(
    runner: Runner, results: Results, wanted: list[Workload], options: argparse.Namespace
) -> bool:
    """Measure everything; return False if it was interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end like Ctrl-C does
    separate = [workload.name for workload in wanted if workload.separate]
    try:
        if separate and options.placement != "one-core":
            measure_imports(results, "unpinned", 2 * options.rounds, separate)
        runner.start()
        runner.run(options.rounds)
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; this is what there is so far\n")
        return False
    finally:
        runner.stop()
    return True


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a row for each figure")
    parser.add_argument("--quick", action="store_true", help="under a minute, and noisier")
    parser.add_argument("--only", metavar="PATTERN", help="workloads: a part of the name, or *")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"default {_ROUNDS}")
    parser.add_argument("--placement", choices=("one-core", "unpinned", "both"), default="both")
    parser.add_argument("--update-docs", action="store_true", help="rewrite docs/performance.md")
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = _QUICK_ROUNDS if options.quick else _ROUNDS
    if options.update_docs and (options.only or options.quick or options.placement != "both"):
        parser.error("--update-docs needs a whole run")
    return options


def _is_wanted(workload: Workload, pattern: str | None) -> bool:
    return (
        pattern is None or workload.name == PING or fnmatch.fnmatch(workload.name, f"*{pattern}*")
    )


def print_tables(results: Results, machine: dict[str, str]) -> None:
    """Print all that was measured; in brackets how many times as fast as stock with stock."""
    out = sys.stdout.write
    for name, value in machine.items():
        out(f"{name + ':':12}{value}\n")
    for placement, title in PLACEMENTS.items():
        head, table = figures(results, placement)
        if table:
            out(f"\n{title}\n\n{as_text(head, table)}\n")
    head, table = targets(results)
    if table:
        out("\nTargets ('here': scaled to what limits it on this machine)\n\n")
        out(as_text(head, table, left=3) + "\n")


def rows(results: Results, subjects: list[Subject]) -> list[dict]:
    """Return one JSON row for each figure. A ratio is this figure divided by the other one."""
    by_name = {workload.name: workload for workload in WORKLOADS}
    peers = {subject.name: subject.other for subject in subjects}
    found = []
    for name, subject, placement in results.measured():
        workload = by_name[name]
        figure = results.figure(name, subject, placement)
        to_stock = results.to_stock(workload, subject, placement)
        to_floor = results.to_floor(workload, subject, placement)
        found.append(
            {
                "workload": name,
                "subject": subject,
                "peer": peers[subject],
                "transport": "tcp",
                "placement": placement,
                "median": figure.median,
                "unit": workload.unit,
                "ratio_to_stock": to_stock.median if to_stock else None,
                "ratio_to_floor": to_floor.median if to_floor else None,
                "quartiles": [figure.low, figure.high],
                "rounds": figure.rounds,
            }
        )
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
