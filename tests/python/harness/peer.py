"""Server processes: started from `peers/serve.py`, asked where they listen, ended surely."""

import json
import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_SERVE = _ROOT / "peers" / "serve.py"
_START_LIMIT = 20


class ServerProcess:
    """One server in a process of its own.

    `port` (or `path`) tells where it listens; `stop()` kills it; `dump_stacks()` makes it print
    the stacks of all its threads on standard error, for a test that hangs.
    """

    def __init__(
        self,
        implementation,
        service,
        *,
        server="ThreadedServer",
        config=None,
        socket_path=None,
        authenticator=None,
        options=None,
        gevent=False,
    ):
        command = [
            sys.executable,
            str(_SERVE),
            "--impl",
            implementation,
            "--service",
            service,
            "--server",
            server,
            "--config",
            json.dumps(config or {}),
            "--options",
            json.dumps(options or {}),
        ]
        if gevent:
            command += ["--gevent"]
        if socket_path:
            command += ["--socket-path", str(socket_path)]
        if authenticator:
            command += ["--authenticator", authenticator]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT
        )
        ready = self._read_ready()
        self.pid = self.process.pid
        self.port = ready.get("port")
        self.path = ready.get("path")

    def _read_ready(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            line = self.process.stdout.readline() if selector.select(_START_LIMIT) else b""
        if not line:
            self.stop()
            raise RuntimeError(f"server did not start: {self.process.args}")
        return json.loads(line)

    def alive(self):
        return self.process.poll() is None

    def dump_stacks(self):
        if self.alive():
            os.kill(self.process.pid, signal.SIGUSR1)

    def signal(self, number):
        """Send a signal to this server process; after SIGSTOP it stands still."""
        os.kill(self.process.pid, number)
        if number == signal.SIGSTOP:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def stop(self):
        if self.alive():
            self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()


class Servers:
    """The server processes of one scope: the same request gets the same process."""

    def __init__(self):
        self._shared = {}
        self._fresh = []

    def get(self, implementation, service, **settings):
        """Return a running server for these settings, starting it if need be."""
        key = (implementation, service, json.dumps(settings, sort_keys=True, default=str))
        found = self._shared.get(key)
        if found is None or not found.alive():
            found = self._shared[key] = ServerProcess(implementation, service, **settings)
        return found

    def fresh(self, implementation, service, **settings):
        """Start a server nobody else uses, for tests that hurt it."""
        server = ServerProcess(implementation, service, **settings)
        self._fresh.append(server)
        return server

    def all(self):
        return [*self._shared.values(), *self._fresh]

    def dump_stacks(self):
        for server in self.all():
            server.dump_stacks()

    def stop(self):
        for server in self.all():
            server.stop()
        self._shared.clear()
        self._fresh.clear()
