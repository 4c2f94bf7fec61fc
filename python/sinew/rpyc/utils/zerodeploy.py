"""Zero-deploy: a server on a machine that has ssh and a Python, and nothing of ours.

The pure peer (`sinew.pure`) is copied there, so any CPython from 3.8 on will do, of whatever system
and processor. Machines are plumbum's: `SshMachine`, `ParamikoMachine`, or what behaves like them.
"""

import sys
import threading
from contextlib import suppress
from subprocess import TimeoutExpired

from sinew import bundling
from sinew.rpyc.core.service import VoidService
from sinew.rpyc.core.stream import SocketStream

from . import classic, factory

# Runs over there, beside the folder `rpyc`, which is the pure peer. The names in dollars are filled
# in by DeployedServer, in a script of the program's own, too.
SERVER_SCRIPT = """\
import atexit
import os
import shutil
import sys

here = os.path.dirname(os.path.abspath(__file__))
atexit.register(shutil.rmtree, here, ignore_errors=True)
os.chdir(here)
sys.path.insert(0, here)
from $SERVER_MODULE$ import $SERVER_CLASS$ as server_class
from $SERVICE_MODULE$ import $SERVICE_CLASS$ as service_class

logger = None
$EXTRA_SETUP$

server = server_class(service_class, hostname="localhost", port=0, reuse_addr=True, logger=logger)
thread = server._start_in_thread()
sys.stdout.write("%d\\n" % server.port)
sys.stdout.flush()
try:
    sys.stdin.read()
finally:
    server.close()
    thread.join(2)
"""

# In seconds: until a server says its port, and until one whose standard input has ended is gone.
_START_LIMIT = 60
_GRACE = 3

# The dictionaries in the signatures below are stock's, and nobody changes them.
# ruff: noqa: B006


class DeployedServer:
    """A server on another machine, and the way to it; both end with this object, or its block.

    `remote_machine` is plumbum's, and is closed with the server, as stock does it. `server_class`
    and `service_class` are full names: RPyC's (of the servers `ThreadedServer` and
    `OneShotServer`), or what can be imported over there. `extra_setup` is text that goes into the
    script `server_script`, before the server is made. `python_executable` is a plumbum command or
    the name of one; by default the Python of this version, else `python3`.

    `remote_port` is where the server listens, on loopback; `local_port` is this side's end of the
    tunnel, None where the machine needs none. RuntimeError with what it printed if it did not
    start (plumbum's ProcessExecutionError where plumbum is there).
    """

    __module__ = "rpyc.utils.zerodeploy"

    def __init__(
        self,
        remote_machine,
        server_class="rpyc.utils.server.ThreadedServer",
        service_class="rpyc.core.service.SlaveService",
        server_script=SERVER_SCRIPT,
        extra_setup="",
        python_executable=None,
    ):
        self.proc = None
        self.tun = None
        self.local_port = None
        self.remote_machine = remote_machine
        self._tmpdir_ctx = remote_machine.tempdir()
        folder = self._tmpdir_ctx.__enter__()
        try:
            script = _copy(
                folder, _fill_in(server_script, server_class, service_class, extra_setup)
            )
            python = _find_python(remote_machine, python_executable)
            self.proc = python.popen(script, new_session=True)
            self.remote_port = _read_port(self.proc)
            if not hasattr(remote_machine, "connect_sock"):  # paramiko connects without a tunnel
                with factory._free_port_lock:
                    self.local_port = factory._get_free_port()
                    self.tun = remote_machine.tunnel(self.local_port, self.remote_port)
        except BaseException:
            self._stop_server(None)
            self._remove_folder()
            raise

    def __del__(self):
        with suppress(Exception):  # a finaliser
            self.close()

    def __enter__(self):
        return self

    def __exit__(self, t, v, tb):
        self.close()

    def close(self, timeout=None):
        """End the server, the tunnel and the connection to the machine, and remove the folder.

        `subprocess.TimeoutExpired` if one of these processes takes longer than `timeout` seconds;
        it is killed, and closing again goes on with the others.
        """
        self._stop_server(timeout)
        if self.tun is not None:
            _stop_session(self.tun, timeout)
            self.tun = None
        self._remove_folder()
        if self.remote_machine is not None:
            _stop_session(self.remote_machine, timeout)
            self.remote_machine = None

    def _stop_server(self, timeout):
        if self.proc is None:
            return
        # The end of its standard input is what tells it: it removes its folder then.
        with suppress(Exception):
            self.proc.stdin.close()
            self.proc.stdin = None  # communicate() would flush it
            self.proc.wait(_GRACE if timeout is None else min(_GRACE, timeout))
        _stop(self.proc, timeout)
        self.proc = None

    def _remove_folder(self):
        context, self._tmpdir_ctx = self._tmpdir_ctx, None
        if context is not None:
            with suppress(Exception):  # the server has removed it, or the machine is gone
                context.__exit__(None, None, None)

    def _connect_sock(self):
        """Return a new socket to the server."""
        if self.local_port is None:
            return self.remote_machine.connect_sock(self.remote_port)
        return SocketStream._connect("localhost", self.local_port)

    def connect(self, service=VoidService, config={}):
        """Connect to the server; the rest is that of `factory.connect`."""
        stream = SocketStream(self._connect_sock())
        return factory.connect_stream(stream, service=service, config=config)

    def classic_connect(self):
        """Connect to the server, which is a classic one."""
        return classic.connect_stream(SocketStream(self._connect_sock()))


def _fill_in(script, server_class, service_class, extra_setup):
    server_module, _, server_name = server_class.rpartition(".")
    service_module, _, service_name = service_class.rpartition(".")
    for name, value in (
        ("$SERVER_MODULE$", server_module),
        ("$SERVER_CLASS$", server_name),
        ("$SERVICE_MODULE$", service_module),
        ("$SERVICE_CLASS$", service_name),
        ("$EXTRA_SETUP$", extra_setup),
    ):
        script = script.replace(name, value)
    return script


def _copy(folder, script):
    """Write what the server needs to the remote folder; return the path of the script."""
    package = folder / "rpyc"
    package.mkdir()
    (package / "__init__.py").write(bundling.stand_in())
    path = folder / "deployed-rpyc.py"
    path.write(script)
    return path


def _find_python(machine, wanted):
    if hasattr(wanted, "popen"):
        return wanted
    if wanted:
        return machine[wanted]
    for name in (f"python{sys.version_info[0]}.{sys.version_info[1]}", "python3"):
        with suppress(Exception):  # plumbum's CommandNotFound, and each machine's own
            python = machine[name]
            python("-c", "")  # pyenv leaves scripts for versions that are switched off
            return python
    return machine.python


def _read_port(process):
    """Return the port that the server says it listens at."""
    watchdog = threading.Timer(_START_LIMIT, process.kill)
    watchdog.daemon = True
    watchdog.start()
    line = b""
    try:
        line = process.stdout.readline()
        return int(line)
    except ValueError:
        with suppress(Exception):
            process.terminate()
        printed, errors = process.communicate()
        raise _not_started(process, line + printed, errors) from None
    finally:
        watchdog.cancel()


def _not_started(process, printed, errors):
    try:
        from plumbum import ProcessExecutionError  # noqa: PLC0415 - stock's error, where it exists
    except ImportError:
        text = (errors or printed).decode("utf-8", "replace").strip()
        return RuntimeError(f"the server did not start: {text}")
    return ProcessExecutionError(process.argv, process.returncode, printed, errors)


def _stop_session(owner, timeout):
    """End the ssh behind a tunnel or a machine, and close it."""
    with suppress(AttributeError):  # a machine without one, such as paramiko's
        _stop(owner._session.proc, timeout)
    with suppress(Exception):
        owner.close()


def _stop(process, timeout):
    try:
        process.terminate()
        process.communicate(timeout=timeout)
    except TimeoutExpired:
        process.kill()
        raise
    except Exception:  # it has ended, or is of a kind that cannot be waited for
        pass


class MultiServerDeployment:
    """Servers on several machines, managed as one: iterate, count, index, close them."""

    __module__ = "rpyc.utils.zerodeploy"

    def __init__(self, remote_machines, server_class="rpyc.utils.server.ThreadedServer"):
        self.remote_machines = remote_machines
        self.servers = []
        try:
            for machine in remote_machines:
                self.servers.append(DeployedServer(machine, server_class))
        except BaseException:
            self.close()
            raise

    def __del__(self):
        with suppress(Exception):  # a finaliser
            self.close()

    def __enter__(self):
        return self

    def __exit__(self, t, v, tb):
        self.close()

    def __iter__(self):
        return iter(self.servers)

    def __len__(self):
        return len(self.servers)

    def __getitem__(self, index):
        return self.servers[index]

    def close(self):
        """End all the servers."""
        while self.servers:
            self.servers.pop(0).close()

    def connect_all(self, service=VoidService, config={}):
        """Return a connection to each server, in their order."""
        return [server.connect(service, config) for server in self.servers]

    def classic_connect_all(self):
        """Return a classic connection to each server, in their order."""
        return [server.classic_connect() for server in self.servers]
