"""The other process dies, hangs, forks or is interrupted."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from harness import impls
from harness.combos import only, ours_only, stock_bug
from harness.impls import submodule
from harness.waiting import Stopwatch, Worker, eventually

SERVICE = "gates:gates"


def test_killing_the_server_wakes_the_call_that_waits(serve, connect_to):
    server = serve(SERVICE, fresh=True)
    conn, watcher = connect_to(server), connect_to(server)
    worker = Worker(conn.root.wait, "never")
    assert watcher.root.entered("never")
    watch = Stopwatch()
    server.signal(signal.SIGKILL)
    with pytest.raises((EOFError, ConnectionError)):
        worker.result(10)
    assert watch.seconds < 1


@only(client="ours")
def test_killing_the_server_wakes_every_thread_that_waits(serve, connect_to, rpyc):
    server = serve(SERVICE, fresh=True)
    conn, watcher = connect_to(server), connect_to(server)
    wait = rpyc.async_(conn.root.wait)
    workers = [Worker(lambda: wait("never").value) for _ in range(8)]
    assert watcher.root.entered("never")
    watch = Stopwatch()
    server.signal(signal.SIGKILL)
    for worker in workers:
        with pytest.raises(EOFError):
            worker.result(10)
    assert watch.seconds < 1


def test_a_time_limit_works_while_the_server_is_frozen(serve, connect_to):
    server = serve(SERVICE, fresh=True)
    conn = connect_to(server)
    add = conn.root.add
    conn._config["sync_request_timeout"] = 0.3
    server.signal(signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        add(1, 2)
    server.signal(signal.SIGCONT)
    conn._config["sync_request_timeout"] = 20
    assert add(2, 3) == 5


def test_ctrl_c_ends_a_call_that_waits(serve, connect_to):
    server = serve(SERVICE, fresh=True)
    conn, watcher = connect_to(server), connect_to(server)
    wait, entered = conn.root.wait, watcher.root.entered

    def interrupt():
        if entered("interrupted"):
            os.kill(os.getpid(), signal.SIGINT)

    worker = Worker(interrupt)
    with pytest.raises(KeyboardInterrupt):
        wait("interrupted")
    worker.result()
    watcher.root.open("interrupted")


def test_the_connection_is_usable_after_ctrl_c(serve, connect_to):
    server = serve(SERVICE, fresh=True)
    conn, watcher = connect_to(server), connect_to(server)
    wait, add, entered = conn.root.wait, conn.root.add, watcher.root.entered
    worker = Worker(lambda: entered("again") and os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        wait("again")
    worker.result()
    watcher.root.open("again")
    assert add(1, 2) == 3


@only(client="ours")
@pytest.mark.timeout(60)
def test_big_messages_cross_in_both_directions_at_once(connect, rpyc):
    """Neither side may wait for its own write while the other waits for the same."""
    conn = connect(SERVICE)
    blob = os.urandom(16) * (4 << 20)
    conn._channel.compress = False
    echo = rpyc.async_(conn.root.echo)
    results = [echo(blob), echo(blob)]
    assert all(result.value == blob for result in results)


@only(client="ours")
def test_a_flood_of_asynchronous_calls_does_not_block(connect, rpyc):
    """Stock stops for ever when both sides have filled their buffers."""
    conn = connect(SERVICE)
    echo = rpyc.async_(conn.root.echo)
    blob = bytes(5000)
    results = [echo(blob) for _ in range(1500)]
    assert all(result.value == blob for result in results)


FORKING = """
import os, sys
sys.path[:0] = {path!r}
import importlib
rpyc = importlib.import_module({package!r})
conn = rpyc.connect("127.0.0.1", {port}, config={config!r})
assert conn.root.add(1, 2) == 3
child = os.fork()
if child == 0:
    try:
        conn.root.add(1, 2)
    except Exception as error:
        os._exit(7 if "fork" in str(error) else 8)
    os._exit(9)
_, status = os.waitpid(child, 0)
assert conn.root.add(3, 4) == 7
print(os.waitstatus_to_exitcode(status))
"""

LEAVING = """
import sys
sys.path[:0] = {path!r}
import importlib
rpyc = importlib.import_module({package!r})
conns = [rpyc.connect("127.0.0.1", {port}, config={config!r}) for _ in range(3)]
kept = [conn.root.echo(object()) for conn in conns], [conn.root for conn in conns]
{more}
rpyc.BgServingThread(conns[1])
print("leaving")
"""


def run_client(text, combo, server, config, more=""):
    """Run a client program against a server; return its exit code and what it printed."""
    program = text.format(
        more=more,
        path=[*impls.extra_path(), *sys.path],
        package=impls.package_name(combo.client),
        port=server.port,
        config=config,
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stdout.strip(), done.stderr


@only(client="ours")
def test_a_forked_child_must_not_use_the_connection_of_its_parent(serve, combo, client_config):
    code, printed, errors = run_client(FORKING, combo, serve(SERVICE), client_config)
    assert (code, printed) == (0, "7"), errors


def test_a_program_may_end_with_live_connections(serve, combo, client_config):
    code, printed, errors = run_client(LEAVING, combo, serve(SERVICE), client_config)
    assert (code, printed) == (0, "leaving")
    assert "Fatal" not in errors


@only(client="ours")
def test_a_program_may_end_while_the_server_is_busy_for_it(serve, combo, client_config):
    """Stock waits until its request to close has been answered."""
    more = 'pending = rpyc.async_(conns[0].root.wait)("never opened")'
    server = serve(SERVICE, fresh=True)
    watch = Stopwatch()
    code, printed, errors = run_client(LEAVING, combo, server, client_config, more)
    assert (code, printed) == (0, "leaving"), errors
    assert watch.seconds < 10


def test_a_server_outlives_the_violent_death_of_clients(serve, connect_to, combo, client_config):
    server = serve(SERVICE)
    text = LEAVING + "import os; os.kill(os.getpid(), 9)\n"
    code, _, _ = run_client(text, combo, server, client_config)
    assert code == -signal.SIGKILL
    assert connect_to(server).root.add(1, 2) == 3


@only(client="ours")
def test_unpickling_needs_the_permission_of_this_side(connect, rpyc):
    """Bytes of a peer are code for pickle: only `allow_pickle` here may let them in."""
    tools = submodule(rpyc, "utils.classic")
    conn = connect("classic:slave")
    remote = conn.root.eval("[1, 2]")
    with pytest.raises(Exception, match="pickl"):
        tools.obtain(remote)
    conn._config["allow_pickle"] = True
    assert tools.obtain(remote) == [1, 2]


@ours_only
def test_many_short_lived_connections_leave_nothing_behind(lib):
    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    with lib.connect_thread():
        pass
    eventually(lambda: threading.active_count() < 5)
    before, threads = descriptors(), threading.active_count()
    for _ in range(100):
        with lib.connect_thread() as conn:
            conn.ping()
    eventually(lambda: descriptors() <= before + 2)
    eventually(lambda: threading.active_count() <= threads + 1)


@stock_bug("the connect timeout stays on the socket, rpyc.md 0 fact 7", client="stock")
def test_the_connect_timeout_does_not_stay(connect):
    assert connect(SERVICE)._channel.stream.sock.gettimeout() is None
