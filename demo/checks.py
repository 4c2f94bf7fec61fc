"""Steps that really check what they claim, and the report that each of them makes."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable

_LONGEST = 120


class MismatchError(AssertionError):
    """Something was not what the demonstration says it is."""


def equal(actual: object, expected: object, what: str) -> None:
    """Raise MismatchError unless both are equal."""
    if actual != expected:
        raise MismatchError(f"{what}: expected {_short(expected)}, got {_short(actual)}")


def true(condition: object, what: str) -> None:
    """Raise MismatchError unless the condition holds."""
    if not condition:
        raise MismatchError(f"not true: {what}")


def raised_by(function: Callable, *args: object) -> BaseException:
    """Return what a call raises; MismatchError if it returns."""
    try:
        function(*args)
    except Exception as error:
        return error
    raise MismatchError(f"nothing was raised by {function!r}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def run_steps(scenario: str, steps: dict[str, Callable], subject: object) -> None:
    """Call each step with the subject; print one JSON line for it, a failure as well.

    A step returns the sentence that says what it has checked.
    """
    for name, step in steps.items():
        report = {"scenario": scenario, "step": name}
        start = time.perf_counter()
        try:
            report["checked"] = step(subject)
        except Exception:
            report["failed"] = traceback.format_exc(limit=-4).strip()
        report["ms"] = (time.perf_counter() - start) * 1e3
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
