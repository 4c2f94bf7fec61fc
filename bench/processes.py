"""The processes that are measured, and how they are asked and ended."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from subjects import Peer, Placement, Subject

_PEER_FOLDER = Path(__file__).resolve().parent / "peer"
_START_LIMIT = 30.0
# From util-linux: the kernel ends the child even if we are killed.
_END_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


class ProcessError(Exception):
    """A measured process ended, or did not answer in time, or reported an error."""


class Process:
    """A child that reads and writes lines of JSON, at home on the CPUs of its placement."""

    def __init__(self, script: str, task: dict, peer: Peer, placement: Placement):
        task = dict(
            task,
            adapter=peer.adapter,
            package=peer.package,
            path=[str(path) for path in peer.path],
            cpus=sorted(placement.cpus),
        )
        self._name = f"{script} of {peer.name}"
        self._rest = b""
        self.child = subprocess.Popen(
            [*_END_WITH_PARENT, sys.executable, str(_PEER_FOLDER / script), json.dumps(task)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is ours to handle
        )

    def ask(self, request: dict, timeout: float) -> dict:
        """Send a request and return the answer; ProcessError if it is an error or none."""
        with contextlib.suppress(BrokenPipeError):  # then there is no answer either
            self.child.stdin.write(json.dumps(request).encode() + b"\n")
            self.child.stdin.flush()
        answer = self.read(timeout)
        if "error" in answer:
            raise ProcessError(f"{self._name}:\n{answer['error']}")
        return answer

    def read(self, timeout: float) -> dict:
        """Return the next answer; ProcessError after `timeout` seconds, or at the end."""
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self.child.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    raise ProcessError(f"{self._name}: no answer within {timeout:.0f} s")
                data = os.read(self.child.stdout.fileno(), 65536)
                if not data:
                    raise ProcessError(f"{self._name}: ended")
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def stop(self) -> None:
        if self.child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait(10)
        self.child.stdin.close()
        self.child.stdout.close()


class Pair:
    """A server and a client of it, both at one placement."""

    def __init__(self, subject: Subject, placement: Placement, kind: str = "bench"):
        self._processes = []
        try:
            self.server = self._start("serve.py", {"kind": kind}, subject.server, placement)
            ports = self.server.read(_START_LIMIT)["ports"]
            self.client = self._start("work.py", {"ports": ports}, subject.client, placement)
            self.client.read(_START_LIMIT)
        except BaseException:
            self.stop()
            raise

    def _start(self, script: str, task: dict, peer: Peer, placement: Placement) -> Process:
        self._processes.append(Process(script, task, peer, placement))
        return self._processes[-1]

    def measure(
        self, measure: str, count: int, batches: int = 1, timeout: float = 120.0
    ) -> list[float]:
        """Have the client measure; return the value of each batch."""
        request = {"measure": measure, "count": count, "batches": batches}
        return self.client.ask(request, timeout)["values"]

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.stop()
