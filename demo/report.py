"""What the demonstration prints: short aligned lines, and a table at the end."""

from __future__ import annotations

import os
from typing import TextIO

_NAME = 18
_CHECKED = 48
_COLUMN = 12
_COLOURS = {"green": "32", "red": "31", "bold": "1", "grey": "90"}


class Report:
    """Prints to one stream; colours only on a terminal, and not if NO_COLOR is set."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._colours = stream.isatty() and not os.environ.get("NO_COLOR")
        self._scenario = None
        self._times: dict[tuple[str, str], dict[object, float | None]] = {}
        self.failures = 0
        self.passed = 0

    def introduction(self, servers: int, seconds: float) -> None:
        self._print("Sinew: objects in another process that feel local.")
        self._print(f"{servers} server processes listen on localhost ({seconds:.1f} s).")
        self._print("Each step was checked, or it says FAILED; times are of the whole step.")

    def pair(self, client: str, server: str) -> None:
        """Begin the steps of one client with one server."""
        self._scenario = None
        self._print()
        self._print(self._paint("bold", f"client {client}, server {server}"))

    def step(self, pair: object, step: dict) -> None:
        """Show one step, as the client process reported it."""
        if step["scenario"] != self._scenario:
            self._scenario = step["scenario"]
            self._print(self._paint("grey", f"  {self._scenario}"))
        ok = "checked" in step
        key = (step["scenario"], step["step"])
        self._times.setdefault(key, {})[pair] = step["ms"] if ok else None
        text = step["checked"] if ok else "FAILED"
        mark = self._paint("green", "ok  ") if ok else self._paint("red", "FAIL")
        self._print(f"  {mark} {step['step']:{_NAME}}{text:{_CHECKED}}{step['ms']:8.1f} ms")
        if ok:
            self.passed += 1
        else:
            self.failures += 1
            self._print(_indented(step["failed"]))

    def pair_broken(self, text: str) -> None:
        """The client process of a pair ended early."""
        self.failures += 1
        self._print(f"  {self._paint('red', 'FAIL')} {text}")

    def broken(self, text: str) -> None:
        """The demonstration cannot go on."""
        self.failures += 1
        self._print(f"{self._paint('red', 'FAILED')}: {text}")

    def interrupted(self) -> None:
        self._print()
        self._print("interrupted; all processes are gone")

    def summary(self, pairs: list[tuple], seconds: float) -> None:
        """Print the table of milliseconds: a row for each step, a column for each pair."""
        self._print()
        self._print(self._paint("bold", "milliseconds for each step"))
        for title, role in (("client", 0), ("server", 1)):
            labels = "".join(f"{pair[role].label:>{_COLUMN}}" for pair in pairs)
            self._print(f"  {title:{_NAME}}{labels}")
        scenario = None
        for (group, name), times in self._times.items():
            if group != scenario:
                scenario = group
                self._print(self._paint("grey", f"  {group}"))
            cells = "".join(_cell(times, pair) for pair in pairs)
            self._print(f"  {name:{_NAME}}{cells}")
        totals = [sum(times.get(pair) or 0 for times in self._times.values()) for pair in pairs]
        self._print(f"  {'all':{_NAME}}" + "".join(f"{total:>{_COLUMN}.1f}" for total in totals))
        self._print()
        self._print(self._verdict(seconds))

    def _verdict(self, seconds: float) -> str:
        if self.failures:
            text = f"{self.failures} FAILED, {self.passed} passed, in {seconds:.1f} s"
            return self._paint("red", text)
        return self._paint("green", f"all {self.passed} steps passed in {seconds:.1f} s")

    def _paint(self, colour: str, text: str) -> str:
        return f"\033[{_COLOURS[colour]}m{text}\033[0m" if self._colours else text

    def _print(self, text: str = "") -> None:
        self._stream.write(text.rstrip() + "\n")
        self._stream.flush()


def _cell(times: dict, pair: tuple) -> str:
    if pair not in times:
        return f"{'-':>{_COLUMN}}"
    milliseconds = times[pair]
    return f"{'FAILED':>{_COLUMN}}" if milliseconds is None else f"{milliseconds:>{_COLUMN}.1f}"


def _indented(text: str) -> str:
    return "\n".join(f"       {line}" for line in text.splitlines())
