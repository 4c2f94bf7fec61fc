"""The program `rpyc_classic`: its options, what it prints, its modes."""

import contextlib
import queue
import re
import signal
import subprocess
import sys
import threading

import pytest

from harness import impls
from harness.combos import only
from harness.waiting import eventually

STARTED = re.compile(r"server started on \[(.*)\]:(\d+)")


def command(implementation, *options):
    """Return the command line that runs the program of an implementation."""
    text = (
        f"import sys; sys.path[:0] = {impls.extra_path()!r}\n"
        f"from {impls.package_name(implementation)}.cli.rpyc_classic import main\nmain()"
    )
    if implementation == impls.STOCK:
        text = text.replace("import main\nmain()", "import ClassicServer\nClassicServer.run()")
    return [sys.executable, "-u", "-c", text, *options]


@pytest.fixture
def start(rpyc, combo):
    """A function that starts the server's program with options."""
    started = []

    def start_program(*options):
        process = subprocess.Popen(
            command(combo.server, *options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_program
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def dial(rpyc, client_config):
    """A function that makes a classic connection to a port."""
    opened = []

    def connect(port, host="127.0.0.1", **options):
        conn = rpyc.connect(
            host, port, service=rpyc.ClassicService, config=client_config, **options
        )
        opened.append(conn)
        return conn

    yield connect
    for conn in opened:
        conn.close()


def wait_started(process):
    """Return the host and port of the log line that other programs look for."""
    for line in process.stderr:
        found = STARTED.search(line)
        if found:
            return found[1], int(found[2])
    raise AssertionError("the program ended without saying where it listens")


def test_it_logs_where_it_listens_and_serves(start, dial):
    process = start("--port", "0")
    host, port = wait_started(process)
    assert host == "127.0.0.1"
    assert dial(port).modules.os.getpid() == process.pid


def test_it_takes_host_mode_and_short_options(start, dial):
    process = start("-m", "threaded", "-p", "0", "--host", "127.0.0.2")
    host, port = wait_started(process)
    assert host == "127.0.0.2"
    first, second = dial(port, host), dial(port, host)
    assert first.eval("1 + 1") == second.eval("2")


def test_it_may_fork_for_each_client(start, dial):
    process = start("--mode", "forking", "-p", "0")
    _, port = wait_started(process)
    first, second = dial(port), dial(port)
    pids = {conn.modules.os.getpid() for conn in (first, second)}
    assert len(pids | {process.pid}) == 3
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_it_listens_at_an_ipv6_address(start, dial):
    process = start("--ipv6", "-p", "0", "--host", "::1")
    host, port = wait_started(process)
    assert host == "::1"
    assert dial(port, host, ipv6=True).eval("3") == 3


def test_oneshot_prints_its_address_serves_once_and_ends(start, dial):
    process = start("-m", "oneshot", "-p", "0", "-q")
    assert process.stdout.readline() == "rpyc-oneshot\n"
    host, port = process.stdout.readline().split("\t")
    conn = dial(int(port), host)
    assert conn.eval("6 * 7") == 42
    conn.close()
    assert process.wait(10) == 0


def test_stdio_serves_on_its_pipes(rpyc, combo, client_config):
    conn = rpyc.connect_subproc(
        command(combo.server, "-q", "-m", "stdio"),
        service=rpyc.ClassicService,
        config=client_config,
    )
    assert conn.eval("6 * 7") == 42
    conn.execute("print('this must not disturb the protocol')")
    assert conn.modules.os.getpid() == conn.proc.pid
    conn.close()
    assert conn.proc.wait(10) is not None


def test_a_log_file_receives_the_log(start, dial, tmp_path):
    log = tmp_path / "server.log"
    process = start("-m", "oneshot", "-p", "0", "--logfile", str(log))
    process.stdout.readline()
    port = int(process.stdout.readline().split("\t")[1])
    dial(port).close()
    process.wait(10)
    assert STARTED.search(log.read_text())


@pytest.mark.parametrize("kind", ["UDP", "TCP"])
def test_it_announces_itself_to_a_registry(rpyc, start, dial, kind):
    module = impls.submodule(rpyc, "utils.registry")
    registry = getattr(module, f"{kind}RegistryServer")("127.0.0.1", 0)
    added = queue.SimpleQueue()
    registry.on_service_added = lambda *entry: added.put(entry)
    thread = threading.Thread(target=registry.start, daemon=True)
    thread.start()
    # UDP is not said: plumbum makes it small letters, which stock takes for TCP.
    start(
        *("-p", "0", "--register", *(["--registry-type", kind] if kind == "TCP" else [])),
        *("--registry-host", "127.0.0.1", "--registry-port", str(registry.port)),
    )
    name, (host, port) = added.get(timeout=10)
    assert (name, host) == ("SLAVE", "127.0.0.1")
    assert dial(port).eval("6 * 7") == 42
    eventually(lambda: registry.active)
    registry.close()
    thread.join(10)


def test_a_tcp_registry_has_to_be_named(start):
    process = start("--register", "--registry-type", "TCP")
    assert process.wait(10) != 0
    assert "--registry-host" in process.stderr.read()


def test_ctrl_c_ends_it(start, dial):
    process = start("-p", "0")
    _, port = wait_started(process)
    dial(port).close()  # it accepts: the log line comes a little before
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


@pytest.mark.parametrize("options", [["--mode", "unknown"], ["--no-such-option"], ["-p", "x"]])
def test_wrong_options_are_refused(start, options):
    process = start(*options)
    assert process.wait(10) != 0


def test_help_names_the_options(start):
    process = start("--help")
    text = process.communicate(timeout=10)[0]
    for option in (
        "--mode",
        "--port",
        "--host",
        "--ipv6",
        "--logfile",
        "--quiet",
        "--register",
        "--registry-type",
        "--registry-port",
        "--registry-host",
        "--ssl-keyfile",
        "--ssl-certfile",
        "--ssl-cafile",
    ):
        assert option in text, option


def test_it_serves_over_tls(start, rpyc, client_config, made):
    if client_config:
        pytest.skip("classic.ssl_connect takes no config, and the peer speaks the older family")
    process = start(
        "--port", "0", "--ssl-keyfile", made.key("server"), "--ssl-certfile", made.path("server"),
        "--ssl-cafile", made.path("authority"),
    )  # fmt: skip
    port = wait_started(process)[1]
    conn = rpyc.classic.ssl_connect(
        "localhost",
        port,
        keyfile=made.key("client"),
        certfile=made.path("client"),
        ca_certs=made.path("authority"),
    )
    with contextlib.closing(conn):
        assert conn.modules.os.getpid() == process.pid


@only(client="ours", server="ours")
@pytest.mark.parametrize(
    "options",
    [["--ssl-keyfile", "x"], ["--ssl-certfile", "x"], ["--ssl-cafile", "x"]],
    ids=lambda options: options[0],
)
def test_files_of_tls_that_belong_together_are_asked_for(start, options):
    process = start(*options)
    assert process.wait(20) == 2
    assert "--ssl-certfile" in process.stderr.read()
