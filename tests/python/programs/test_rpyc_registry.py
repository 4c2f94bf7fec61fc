"""The program `rpyc_registry`, which is also `sinew registry`."""

import re
import signal
import socket
import subprocess
import sys

import pytest

from harness import impls
from harness.combos import only
from harness.impls import submodule
from harness.waiting import eventually

STARTED = re.compile(r"server started on (\S+):(\d+)$")
HOST = "127.0.0.1"


def command(implementation, *options):
    """Return the command line that runs the program of an implementation."""
    text = (
        f"import sys; sys.path[:0] = {impls.extra_path()!r}\n"
        f"from {impls.package_name(implementation)}.cli.rpyc_registry import main\nmain()"
    )
    return [sys.executable, "-u", "-c", text, *options]


@pytest.fixture
def start(rpyc):
    """A function that starts a command and returns its process."""
    started = []

    def start_program(arguments):
        process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start_program
    for process in started:
        process.kill()
        process.communicate()


def port_of(process):
    """Return the port in the log line that tells it."""
    for line in process.stderr:
        found = STARTED.search(line.rstrip())
        if found:
            return int(found[2])
    raise AssertionError("the program ended without saying where it listens")


@pytest.mark.parametrize("mode", ["UDP", "TCP"])
def test_it_answers_registrars(rpyc, combo, start, mode):
    process = start(command(combo.server, "-m", mode, "-p", "0", "-l", "True", "--timeout", "60"))
    make = getattr(submodule(rpyc, "utils.registry"), f"{mode}RegistryClient")
    registrar = make(HOST, port_of(process))
    assert registrar.register(("FOO",), 12345)
    assert registrar.discover("foo") == ((HOST, 12345),)
    assert registrar.list() == ("FOO",)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


@only(server="ours")
@pytest.mark.parametrize("options", [[], ["-l", "no"]])
def test_it_lists_only_when_told_to(rpyc, combo, start, options):
    process = start(command(combo.server, "-p", "0", *options))
    registrar = submodule(rpyc, "utils.registry").UDPRegistryClient(HOST, port_of(process))
    assert registrar.register(("FOO",), 12345)
    assert registrar.list() is None


@only(client="ours", server="ours")
@pytest.mark.parametrize("mode", ["UDP", "TCP"])
def test_it_listens_at_ipv6_addresses_and_tells_ipv4_ones_plainly(rpyc, combo, start, mode):
    process = start(command(combo.server, "-m", mode, "-6", "-p", "0"))
    module = submodule(rpyc, "utils.registry")
    port = port_of(process)
    if mode == "UDP":
        v6, v4 = (
            module.UDPRegistryClient("::1", port, ipv6=True),
            module.UDPRegistryClient(HOST, port),
        )
    else:
        v6, v4 = module.TCPRegistryClient("::1", port), module.TCPRegistryClient(HOST, port)
    assert v6.register(("FOO",), 1)
    assert v4.register(("FOO",), 2)
    assert v6.discover("foo") == (("::1", 1), (HOST, 2))


@only(client="ours", server="ours")
def test_quiet_takes_no_argument(rpyc, combo, start, tmp_path):
    log = tmp_path / "log"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    start(command(combo.server, "-q", "--logfile", str(log), "-p", str(port)))
    client = submodule(rpyc, "utils.registry").UDPRegistryClient(HOST, port, timeout=0.1)
    assert eventually(lambda: client.register(("FOO",), 1), 10)
    assert log.read_text() == ""


@only(client="ours", server="ours")
def test_a_taken_port_is_one_sentence(rpyc, combo, start):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start([sys.executable, "-m", "sinew", "registry", "-m", "TCP", "-p", str(port)])
        assert process.wait(10) == 1
    text = process.stderr.read()
    assert text == f"sinew registry: cannot listen at 0.0.0.0:{port}: Address already in use\n"


@only(client="ours", server="ours")
def test_it_is_also_a_command_of_sinew(rpyc, combo, start):
    process = start([sys.executable, "-m", "sinew", "registry", "-p", "0"])
    registrar = submodule(rpyc, "utils.registry").UDPRegistryClient(HOST, port_of(process))
    assert registrar.register(("FOO",), 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


@pytest.mark.parametrize("options", [["-m", "SCTP"], ["-p", "70000"], ["--no-such-option"]])
def test_wrong_options_are_refused(combo, start, options):
    assert start(command(combo.server, *options)).wait(10) != 0
