"""The processes of the demonstration: who they run, how they are started, how they surely end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SILENCE_LIMIT = 20.0
"""Seconds without a line from a process before the demonstration gives up on it."""

# From util-linux, which every Debian has: the kernel ends the child even if we are killed.
_END_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
_LISTENING = re.compile(r"server started on \[.*\]:(\d+)")


class PeerError(Exception):
    """A process of the demonstration did not do its part; the text ends with what it printed."""


@dataclass(frozen=True)
class Implementation:
    """One RPyC: `package` is its import name, `family` what it speaks on the wire.

    `folder` (or None) has to be in front of the path so that the import finds this version.
    """

    label: str
    package: str
    family: str = "C"
    folder: Path | None = None

    def environment(self) -> dict[str, str]:
        """Return the environment in which `package` is this implementation."""
        found = dict(os.environ, PYTHONUNBUFFERED="1")
        path = [str(self.folder)] if self.folder else []
        path += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        if path:
            found["PYTHONPATH"] = os.pathsep.join(path)
        return found


SINEW = Implementation("Sinew", "sinew.rpyc")
STOCK = Implementation("RPyC 6.0.2", "rpyc")
OLD_STOCK = Implementation(
    "RPyC 5.3.1", "rpyc", family="B", folder=Path(sys.prefix) / "peers" / "rpyc-5.3.1"
)


class Process:
    """A child process and the lines it prints; it never outlives this one.

    `stream` names the one whose lines are wanted; the other is kept for error messages.
    """

    def __init__(
        self, command: list[str], implementation: Implementation, *, stream: str, cwd: str | None
    ):
        self._said: deque[str] = deque(maxlen=30)
        self.child = subprocess.Popen(
            [*_END_WITH_PARENT, sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=implementation.environment(),
            start_new_session=True,  # Ctrl-C is ours to handle
        )
        self._wanted = getattr(self.child, stream)
        other = self.child.stderr if stream == "stdout" else self.child.stdout
        self._rest = b""
        self._readers: list[threading.Thread] = []
        self._drain(other)

    def line(self, timeout: float = SILENCE_LIMIT) -> str | None:
        """Return the next line, or None at the end; PeerError after `timeout` s of silence."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._rest:
            with selectors.DefaultSelector() as selector:
                selector.register(self._wanted, selectors.EVENT_READ)
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    raise self.error(f"nothing was heard for {timeout:.0f} s")
            data = os.read(self._wanted.fileno(), 65536)
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        text = line.decode(errors="replace").rstrip()
        self._said.append(text)
        return text

    def forget_lines(self) -> None:
        """From now on read the lines only so that the process never waits for us."""
        self._drain(self._wanted)

    def error(self, what: str) -> PeerError:
        """Return an error that says `what`, and what the process printed last."""
        self.stop()
        for reader in self._readers:
            reader.join(1)
        said = "\n".join(f"    {line}" for line in self._said if line)
        return PeerError(f"{what}\n{said}".rstrip())

    def stop(self) -> None:
        """End the process and wait until it is gone. Ending it twice is allowed."""
        if self.child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait(10)

    def _drain(self, stream) -> None:
        def read():
            for line in stream:
                self._said.append(line.decode(errors="replace").rstrip())

        self._readers.append(threading.Thread(target=read, daemon=True))
        self._readers[-1].start()


class Servers:
    """The server processes: for each implementation a classic one and one with the lab service."""

    def __init__(self, folder: str):
        self._folder = folder
        self._running: dict[tuple[str, str], Process] = {}
        self._ports: dict[tuple[str, str], int] = {}

    def start(self, implementations: list[Implementation]) -> None:
        """Start all of them at once; return when each can be connected to."""
        for implementation in implementations:
            self._start(implementation, "classic", stream="stderr")
            self._start(implementation, "service", stream="stdout")
        for key, process in self._running.items():
            self._ports[key] = _port_of(process)
            process.forget_lines()

    def _start(self, implementation: Implementation, kind: str, stream: str) -> None:
        self._running[implementation.label, kind] = Process(
            _SERVER_COMMANDS[kind](implementation),
            implementation,
            stream=stream,
            cwd=self._folder,
        )

    def port(self, implementation: Implementation, kind: str) -> int:
        """Return the TCP port of the "classic" or "service" server of an implementation."""
        return self._ports[implementation.label, kind]

    def stop(self) -> None:
        for process in self._running.values():
            process.stop()


def _classic_command(implementation: Implementation) -> list[str]:
    """What the installed program `rpyc_classic` does, of which only one can be on the path."""
    program = f"from {implementation.package}.cli.rpyc_classic import main; main()"
    return ["-c", program, "--host=127.0.0.1", "--port=0"]


_SERVER_COMMANDS = {
    "classic": _classic_command,
    "service": lambda implementation: [str(HERE / "serve.py"), implementation.package],
}


def _port_of(process: Process) -> int:
    while (line := process.line()) is not None:
        found = _LISTENING.search(line)
        if found:
            return int(found[1])
    raise process.error("a server ended before it listened")


@contextlib.contextmanager
def running_servers(implementations: list[Implementation]) -> Iterator[Servers]:
    """Within the block every implementation serves, in a folder that holds a few files."""
    with tempfile.TemporaryDirectory(prefix="sinew-demo-") as folder:
        Path(folder, "traces").mkdir()
        Path(folder, "oven.csv").write_text("second,celsius\n0,21.5\n")
        Path(folder, "lamp.ini").write_text("[lamp]\nwatts = 40\n")
        servers = Servers(folder)
        try:
            servers.start(implementations)
            yield servers
        finally:
            servers.stop()


def run_client(
    client: Implementation, server: Implementation, servers: Servers
) -> Iterator[dict[str, object]]:
    """Run every scenario in a client process; yield what it reports, one step at a time."""
    task = {
        "package": client.package,
        "config": {"wire_family": server.family} if client is SINEW else {},
        "classic": servers.port(server, "classic"),
        "service": servers.port(server, "service"),
    }
    process = Process(
        [str(HERE / "client.py"), json.dumps(task)], client, stream="stdout", cwd=None
    )
    try:
        while (line := process.line()) is not None:
            yield json.loads(line)
        if process.child.wait(SILENCE_LIMIT) != 0:
            raise process.error("the client process failed")
    finally:
        process.stop()
