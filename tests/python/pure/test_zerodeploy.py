"""Zero-deploy over plumbum: a real sshd, and a machine that is this one."""

import importlib
import os
import socket
import subprocess
import threading

import pytest

from harness.processes import is_gone
from harness.waiting import eventually

plumbum = pytest.importorskip("plumbum")


class Tunnel:
    """Forwards one local port to another."""

    def __init__(self, local_port, remote_port):
        self._listener = socket.create_server(("127.0.0.1", local_port))
        self._target = ("127.0.0.1", remote_port)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                here = self._listener.accept()[0]
            except OSError:
                return
            there = socket.create_connection(self._target)
            for pair in ((here, there), (there, here)):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class Here:
    """This machine with the interface of a remote one."""

    def __init__(self):
        self.closed = False

    def __getitem__(self, name):
        return plumbum.local[name]

    def tempdir(self):
        return plumbum.local.tempdir()

    def tunnel(self, local_port, remote_port):
        return Tunnel(local_port, remote_port)

    def close(self):
        self.closed = True


@pytest.fixture
def zerodeploy(sinew):
    return importlib.import_module("sinew.rpyc.utils.zerodeploy")


@pytest.fixture
def machine(sshd_server):
    """A plumbum machine behind a real sshd."""
    return plumbum.SshMachine(
        "127.0.0.1", ssh_opts=sshd_server.options, scp_opts=sshd_server.options
    )


def test_a_server_is_deployed_used_and_taken_away(zerodeploy, python):
    machine = Here()
    with zerodeploy.DeployedServer(machine, python_executable=python) as server:
        conn = server.classic_connect()
        pid, folder = conn.modules.os.getpid(), conn.modules.os.getcwd()
        assert pid == server.proc.pid
        assert sorted(os.listdir(folder))[:2] == ["deployed-rpyc.py", "rpyc"]
        assert conn.eval("6 * 7") == 42
        conn.close()
    eventually(lambda: is_gone(pid), 10, "the server ends")
    eventually(lambda: not os.path.exists(folder), 10, "its folder is removed")
    assert machine.closed


def test_a_server_is_deployed_through_ssh(zerodeploy, machine, python):
    server = zerodeploy.DeployedServer(machine, python_executable=python)
    conn = server.classic_connect()
    pid, folder = conn.modules.os.getpid(), conn.modules.os.getcwd()
    assert server.local_port != server.remote_port
    assert "SSH_CONNECTION" in list(conn.modules.os.environ)
    conn.close()
    server.close(timeout=10)
    eventually(lambda: is_gone(pid), 10, "the server ends")
    eventually(lambda: not os.path.exists(folder), 10, "its folder is removed")


def test_the_loss_of_the_way_there_takes_the_server_away(zerodeploy, machine):
    server = zerodeploy.DeployedServer(machine)
    conn = server.classic_connect()
    pid, folder = conn.modules.os.getpid(), conn.modules.os.getcwd()
    server.proc.kill()  # the ssh that started it
    eventually(lambda: is_gone(pid), 10, "the server ends")
    eventually(lambda: not os.path.exists(folder), 10, "its folder is removed")
    conn.close()
    server.close()


def test_a_stock_client_may_use_the_server(zerodeploy):
    rpyc = importlib.import_module("rpyc")
    with zerodeploy.DeployedServer(Here()) as server:
        conn = rpyc.classic.connect("127.0.0.1", server.remote_port)
        assert conn.modules.os.getpid() == server.proc.pid
        conn.close()


def test_the_script_has_a_place_for_more_and_other_classes(zerodeploy):
    extra = (
        "import rpyc\n"
        "class Adder(rpyc.Service):\n"
        "    def exposed_add(self, a, b):\n"
        "        return a + b\n"
        "service_class = Adder\n"
    )
    with zerodeploy.DeployedServer(
        Here(), server_class="rpyc.utils.server.OneShotServer", extra_setup=extra
    ) as server:
        conn = server.connect()
        assert conn.root.add(1, 2) == 3
        conn.close()
        server.proc.stdin.close()
        assert server.proc.wait(10) == 0


def test_a_server_that_does_not_start_says_why(zerodeploy):
    with pytest.raises(plumbum.ProcessExecutionError, match="no_such_server"):
        zerodeploy.DeployedServer(Here(), server_class="no_such_server.Server")


def test_closing_passes_its_limit_on(zerodeploy, machine, monkeypatch):
    server = zerodeploy.DeployedServer(machine)
    limits = []
    original = subprocess.Popen.communicate

    def communicate(self, *args, **kwargs):
        limits.append(kwargs.get("timeout"))
        return original(self, *args, **kwargs)

    monkeypatch.setattr(subprocess.Popen, "communicate", communicate)
    server.close(timeout=12)
    assert limits[-3:] == [12, 12, 12]


def test_several_machines_are_one_deployment(zerodeploy):
    with zerodeploy.MultiServerDeployment([Here(), Here()]) as servers:
        assert len(servers) == 2
        conns = servers.classic_connect_all()
        pids = [conn.modules.os.getpid() for conn in conns]
        assert pids == [server.proc.pid for server in servers]
        assert servers[1].connect().root.eval("1 + 1") == 2
        for conn in conns:
            conn.close()
    for pid in pids:
        eventually(lambda pid=pid: is_gone(pid), 10, "each server ends")
    assert len(servers) == 0


def test_if_one_machine_fails_the_others_are_let_go(zerodeploy):
    class Broken(Here):
        def tempdir(self):
            raise OSError("no room")

    machine = Here()
    with pytest.raises(OSError, match="no room"):
        zerodeploy.MultiServerDeployment([machine, Broken()])
    assert machine.closed


@pytest.mark.parametrize("classic", [False, True])
def test_ssh_connect_reaches_a_server_behind_ssh(sinew, machine, serve_here, classic):
    if classic:
        conn = sinew.rpyc.classic.ssh_connect(machine, serve_here.port)
        assert conn.modules.os.getpid() == serve_here.pid
    else:
        conn = sinew.rpyc.ssh_connect(machine, serve_here.port)
        assert conn.root.eval("6 * 7") == 42
    tunnel = conn._channel.stream.tun
    assert tunnel is not None
    conn.close()
    assert conn.closed
    machine.close()


@pytest.fixture(params=["ours", "stock"])
def serve_here(request, servers):
    """A classic server on loopback, ours or stock's."""
    return servers.get(request.param, "classic:slave")
