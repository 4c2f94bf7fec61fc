"""Every way to make a connection."""

import os
import socket
import subprocess
import sys

import pytest

from harness import impls
from harness.combos import stock_bug
from harness.impls import submodule
from harness.waiting import Stopwatch

CHILD = """
import sys, importlib
sys.path[:0] = {path!r}
rpyc = importlib.import_module({package!r})
class ChildService(rpyc.Service):
    def exposed_add(self, a, b):
        return a + b
    def exposed_pid(self):
        import os
        return os.getpid()
conn = importlib.import_module({package!r} + ".utils.factory").connect_stdpipes(ChildService)
conn.serve_all()
"""


def child_program(combo):
    """Return the text of a program that serves on its pipes."""
    return CHILD.format(package=impls.package_name(combo.server), path=impls.extra_path())


def make_service(lib):
    class AddService(lib.Service):
        def exposed_add(self, a, b):
            return a + b

        def exposed_pid(self):
            return os.getpid()

        def exposed_call(self, function):
            return function()

    return AddService


def test_connect_takes_host_and_port(serve, rpyc, client_config):
    server = serve("admission:visitors")
    with rpyc.connect("localhost", server.port, config=client_config) as conn:
        assert conn.root.add(1, 2) == 3
    with rpyc.connect(host="127.0.0.1", port=str(server.port), config=client_config) as conn:
        assert conn.root.add(1, 2) == 3


def test_connect_to_nobody_is_refused_at_once(rpyc):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    watch = Stopwatch()
    with pytest.raises(ConnectionRefusedError):
        rpyc.connect("127.0.0.1", port)
    assert watch.seconds < 2


def test_connect_to_an_unknown_name_is_an_os_error(rpyc):
    with pytest.raises(OSError):
        rpyc.connect("no-such-host.invalid", 1)


@pytest.mark.parametrize("keepalive", [True, 10])
def test_connect_switches_keepalive_on(serve, rpyc, client_config, keepalive):
    server = serve("admission:visitors")
    with rpyc.connect("localhost", server.port, keepalive=keepalive, config=client_config) as conn:
        sock = conn._channel.stream.sock
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle = 60 if keepalive is True else keepalive
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == idle
        assert conn.root.add(1, 2) == 3


def test_connect_stream_uses_a_socket_that_is_already_connected(serve, rpyc, client_config):
    server = serve("admission:visitors")
    stream = submodule(rpyc, "core.stream").SocketStream.connect("127.0.0.1", server.port)
    with rpyc.connect_stream(stream, config=client_config) as conn:
        assert conn.root.add(1, 2) == 3
        assert conn._channel.stream is stream
    assert stream.closed


def test_connect_channel_uses_a_channel(serve, rpyc, client_config):
    server = serve("admission:visitors")
    stream = submodule(rpyc, "core.stream").SocketStream.connect("127.0.0.1", server.port)
    channel = submodule(rpyc, "core.channel").Channel(stream, compress=False)
    with rpyc.connect_channel(channel, config=client_config) as conn:
        assert conn.root.add(1, 2) == 3
        assert conn._channel is channel
        assert channel.compress is False


def test_connect_thread_serves_in_this_process(lib):
    with lib.connect_thread(remote_service=make_service(lib)) as conn:
        assert conn.root.pid() == os.getpid()
        assert conn.root.call(lambda: "back") == "back"


def test_connect_thread_takes_both_configurations(lib):
    class Open(lib.Service):
        plain = 5

    with lib.connect_thread(
        remote_service=Open, remote_config={"allow_public_attrs": True}, config={"connid": "mine"}
    ) as conn:
        assert conn.root.plain == 5
        assert "'mine'" in repr(conn)


def test_connect_multiprocess_serves_in_another_process(lib):
    service = make_service(lib)
    service.exposed_namespace = {}
    factory = submodule(lib, "utils.factory")
    with factory.connect_multiprocess(remote_service=service, args={"given": 6}) as conn:
        assert conn.root.pid() != os.getpid()
        assert conn.root.add(2, 3) == 5
        assert conn.root.namespace["given"] == 6


@stock_bug("the child fails when the service has no namespace to update")
def test_connect_multiprocess_serves_a_service_without_namespace(lib):
    factory = submodule(lib, "utils.factory")
    with factory.connect_multiprocess(remote_service=make_service(lib)) as conn:
        assert conn.root.pid() != os.getpid()


def test_connect_subproc_speaks_with_a_child_over_its_pipes(rpyc, combo, client_config):
    command = [sys.executable, "-c", child_program(combo)]
    conn = rpyc.connect_subproc(command, config=client_config)
    try:
        assert conn.root.add(1, 2) == 3
        assert conn.root.pid() == conn.proc.pid
    finally:
        conn.close()
        conn.proc.wait(10)


@stock_bug(
    "sys.stdout becomes a number, so flushing at exit fails, rpyc.md 1.2",
    server="stock",
    stock="6.0.2",
)
def test_a_child_on_pipes_ends_well_when_the_connection_closes(rpyc, combo, client_config):
    conn = rpyc.connect_subproc([sys.executable, "-c", child_program(combo)], config=client_config)
    conn.ping()
    conn.close()
    assert conn.proc.wait(10) == 0


def test_connect_pipes_takes_two_files(rpyc, combo, client_config):
    with subprocess.Popen(
        [sys.executable, "-c", child_program(combo)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        conn = rpyc.connect_pipes(process.stdout, process.stdin, config=client_config)
        assert conn.root.add(4, 5) == 9
        conn.close()
        process.wait(10)


def test_a_pair_of_pipe_streams_is_connected(lib):
    here, there = submodule(lib, "core.stream").PipeStream.create_pair()
    here.write(b"x" * 1000)
    assert there.poll(1)
    assert there.read(1000) == b"x" * 1000
    assert not there.poll(0)
    here.close()
    with pytest.raises(EOFError):
        there.read(1)
    there.close()


def test_classic_connections_through_a_thread_and_a_process(lib):
    classic = submodule(lib, "utils.classic")
    with classic.connect_thread() as conn:
        assert conn.modules.os.getpid() == os.getpid()
    with classic.connect_multiprocess({"given": 5}) as conn:
        assert conn.modules.os.getpid() != os.getpid()
        assert conn.namespace["given"] == 5


def test_classic_connect_over_tcp_and_unix(serve, rpyc, combo, stock_version, tmp_path):
    if (combo.client, combo.server, stock_version[0]) == ("ours", "stock", "5"):
        pytest.skip("classic.connect takes no configuration, so no wire family")
    classic = submodule(rpyc, "utils.classic")
    server = serve("classic:slave")
    with classic.connect("127.0.0.1", server.port) as conn:
        assert conn.modules.os.getpid() == server.pid
    at_path = serve("classic:slave", fresh=True, socket_path=tmp_path / "socket")
    with classic.unix_connect(str(tmp_path / "socket")) as conn:
        assert conn.modules.os.getpid() == at_path.pid


def test_a_connection_is_a_context_manager(serve, rpyc, client_config):
    server = serve("admission:visitors")
    with rpyc.connect("localhost", server.port, config=client_config) as conn:
        assert not conn.closed
    assert conn.closed


def test_each_connection_gets_an_identifier(connect):
    first, second = connect("admission:visitors"), connect("admission:visitors")
    assert first._config["connid"] != second._config["connid"]
    assert first._config["connid"] in repr(first)
