"""A soak: real programs' calls for hours, and whether memory, descriptors and tables stay flat.

    python tests/soak/soak.py --hours 1 --calls 10000000 --csv soak.csv --svg docs/figures/soak.svg

A server of ours in one process, a client of ours in another, a client of stock RPyC in a third.
Every few seconds each is measured; at the end the clients let go of everything, and nothing of
them may be left at the server. The exit code is 0 if all was as it should be.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import plot
import samples
from samples import Finding, Sample

FOLDER = Path(__file__).resolve().parent
ANSWER_LIMIT = 120.0  # a process that says nothing for so long hangs
SETTLING = 20.0  # how long the end of the clients may take at the server


class Member:
    """A process of the soak; see member.py for what it answers."""

    def __init__(self, name: str, program: str, *arguments: object) -> None:
        command = [sys.executable, "-u", str(FOLDER / program), *map(str, arguments)]
        self.name = name
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def read(self) -> dict[str, Any]:
        """Return the next line that the process prints; what hangs is ended, with an error."""
        assert self._process.stdout is not None
        timer = threading.Timer(ANSWER_LIMIT, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        if not line:
            raise RuntimeError(f"{self.name} has ended, or said nothing for {ANSWER_LIMIT:g} s")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, word: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self.read()

    def measure(self) -> dict[str, float]:
        return samples.measure(self._process.pid)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Soak:
    """One run: its processes, its samples, its findings."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._begin = time.monotonic()
        # A leak on purpose: the server keeps what it is lent for as long as the client is there.
        kept = [] if arguments.leak else ["--kept", arguments.kept]
        self._server = Member("our server", "server.py", *kept)
        self._clients: list[Member] = []
        self.samples: list[Sample] = []
        self.findings: list[Finding] = []
        self.calls = 0

    def run(self) -> None:
        try:
            port = self._server.read()["port"]
            before = self._visit(port)
            self._start_clients(port)
            self._watch()
            self._judge_the_end(before)
        finally:
            for member in (*self._clients, self._server):
                member.end()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begin

    def _visit(self, port: int) -> dict[str, float]:
        """Have a client come and go, so that what the first one costs is not counted as left."""
        visitor = Member("a visitor", "client.py", *self._client("sinew.rpyc", port, 50, 5000))
        try:
            while visitor.ask("sample")["busy"]:
                pass
            visitor.ask("finish")
        finally:
            visitor.end()
        return self._settled()[0]

    def _client(self, package: str, port: int, calls: int, rate: float) -> list[object]:
        settings = {"package": package, "port": port, "calls": calls, "rate": rate}
        settings["kept"] = self._arguments.kept
        return [word for name, value in settings.items() for word in (f"--{name}", value)]

    def _start_clients(self, port: int) -> None:
        calls, seconds = self._arguments.calls, self._arguments.hours * 3600
        self._begin = time.monotonic()
        for name, package, share in (
            ("our client", "sinew.rpyc", 0.7),
            ("stock client", "rpyc", 0.3),
        ):
            amount = int(calls * share)
            settings = self._client(package, port, amount, amount / seconds)
            self._clients.append(Member(name, "client.py", *settings))

    def _watch(self) -> None:
        pause = threading.Event()
        moment = progress = 0.0
        while True:
            moment += self._arguments.every
            pause.wait(max(0.0, moment - self.seconds))
            reports = {member: member.ask("sample") for member in (self._server, *self._clients)}
            self.samples += [self._sample(*item) for item in reports.items()]
            self._keep_csv()
            calls = sum(report["calls"] for report in reports.values())
            if calls > self.calls:
                self.calls, progress = calls, self.seconds
            error = next((one["error"] for one in reports.values() if one["error"]), "")
            if self.seconds - progress > ANSWER_LIMIT:
                error = f"no call has ended for {ANSWER_LIMIT:g} s"
            if error:
                self.findings.append(Finding(False, f"the mix of calls: {error}"))
            if error or not any(reports[client]["busy"] for client in self._clients):
                return

    def _sample(self, member: Member, report: dict[str, Any]) -> Sample:
        known = {name: report[name] for name in ("exports", "imports", "calls")}
        measured: Any = member.measure()
        return Sample(seconds=round(self.seconds, 1), member=member.name, **known, **measured)

    def _keep_csv(self) -> None:
        if self._arguments.csv:
            samples.write(self._arguments.csv, self.samples)

    def _judge_the_end(self, before: dict[str, float]) -> None:
        warm_up = self._arguments.warm_up * self.seconds
        members = [one.name for one in (self._server, *self._clients) if one.name[:3] == "our"]
        self.findings += samples.judge(self.samples, members, warm_up, self._arguments.growth)
        for client in self._clients:
            left = client.ask("finish")["living"]
            self.findings.append(Finding(not left, f"{client.name}: left at the end {left or 0}"))
        after, report = self._settled(before)
        for name in ("descriptors", "threads"):
            text = f"our server: {name} {before[name]:g} before the clients, {after[name]:g} after"
            self.findings.append(Finding(after[name] <= before[name], text))
        objects = report["exports"] + report["imports"]
        self.findings.append(
            Finding(objects == 0, f"our server: objects left at the end {objects}")
        )

    def _settled(self, wanted: dict[str, float] | None = None) -> tuple[dict[str, float], Any]:
        """Return what the server holds once its clients are gone, or what it still holds then."""
        end = time.monotonic() + SETTLING
        while True:
            report, measured = self._server.ask("finish"), self._server.measure()
            left = report["living"].get("Connection", 0) or report["exports"]
            more = wanted and any(
                measured[name] > wanted[name] for name in ("descriptors", "threads")
            )
            if not (left or more) or time.monotonic() > end:
                return measured, report
            threading.Event().wait(0.05)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", type=float, default=1.0, help="how long the calls take")
    parser.add_argument("--calls", type=int, help="how many (10 million an hour)")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between samples")
    parser.add_argument("--kept", type=int, default=64, help="objects lent that are kept a while")
    parser.add_argument("--leak", action="store_true", help="leak, to see that it is found")
    parser.add_argument("--csv", type=Path, help="where the samples are kept")
    parser.add_argument("--svg", type=Path, help="where they are drawn")
    parser.add_argument("--warm-up", type=float, default=0.15, help="the part that does not count")
    parser.add_argument("--growth", type=float, default=1024, help="KiB that memory may rise by")
    arguments = parser.parse_args()
    if arguments.calls is None:
        arguments.calls = int(arguments.hours * 10_000_000)
    if not (arguments.hours > 0 and arguments.every > 0 and arguments.calls > 0):
        parser.error("hours, calls and seconds are more than 0")
    return arguments


def main() -> int:
    arguments = parse_arguments()
    run = Soak(arguments)
    run.run()
    last = {one.member: one for one in run.samples}
    shares = ", ".join(f"{name} {one.cpu / one.seconds:.0%}" for name, one in last.items())
    title = f"{run.calls:,} calls in {run.samples[-1].seconds / 60:.1f} minutes"
    print(f"{title}; of a CPU: {shares}")
    for finding in run.findings:
        print("ok  " if finding.good else "BAD ", finding.text)
    if arguments.svg:
        arguments.svg.parent.mkdir(parents=True, exist_ok=True)
        arguments.svg.write_text(plot.draw(run.samples, title))
    return 0 if all(finding.good for finding in run.findings) else 1


if __name__ == "__main__":
    sys.exit(main())
