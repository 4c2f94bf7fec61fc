"""CPython inside a C++ program: what the two do for each other, and how it ends."""

import importlib
import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import pytest

from harness.combos import only
from harness.waiting import Worker, eventually

from .conftest import BUILD, ROOT, port_in

EMBEDDING = ROOT / "examples" / "embedding"


@pytest.fixture
def scenario(start):
    """A function that starts a scenario of tests/cpp/embedding."""
    program = BUILD / "embedding_scenario"
    if not program.exists():
        pytest.skip(f"{program} is not built")
    linked = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    if linked.strip() != f"{sys.version_info[0]}.{sys.version_info[1]}":
        pytest.skip(f"it is linked to CPython {linked}")
    environment = {
        **os.environ,
        "SINEW_TEST_PYTHON": sys.executable,
        "SINEW_TEST_SITE": sysconfig.get_path("platlib"),
    }

    def start_scenario(name):
        return start(program, name, env=environment)

    return start_scenario


def catches(program, number):
    """Tell whether a process handles a signal by now."""
    status = Path("/proc", str(program.pid), "status").read_text()
    mask = int(re.search(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)[1], 16)
    return mask >> (number - 1) & 1


class TestAlone:
    pytestmark = only(client="ours", server="ours")

    @pytest.mark.parametrize(
        "name",
        [
            "calls",
            "errors",
            "threads",
            "modules",
            "refusals",
            "limits",
            "lifetimes",
            "ends",
            "stopped_inside",
            "twice",
            "no_package",
            "broken_pipe",
            "joined",
        ],
    )
    def test_it_does_what_its_header_says(self, scenario, name):
        program = scenario(name)
        said, complaints = program.communicate(timeout=25)
        assert program.returncode == 0, complaints
        assert said == ("still here\n" if name == "joined" else "")
        assert not complaints or name == "no_package", complaints

    def test_ctrl_c_ends_what_waits_for_it(self, scenario):
        program = scenario("runs")
        port_in(program.stdout)
        eventually(lambda: catches(program, signal.SIGINT))
        program.send_signal(signal.SIGINT)
        assert program.communicate(timeout=25)[0] == "quiet\n"
        assert program.returncode == 0

    def test_ctrl_c_ends_a_program_whose_python_computes(self, scenario):
        program = scenario("computes")
        assert program.stdout.readline() == "computing\n"
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == -signal.SIGINT


class TestServing:
    def test_clients_use_the_interpreter_and_the_objects(self, scenario, lib):
        program = scenario("serves")
        conn = lib.classic.connect("127.0.0.1", port_in(program.stdout))
        assert conn.modules.os.getpid() == program.pid
        lab = conn.modules.lab
        assert lab.add(1, b=2) == 3
        lab.rate = 2.5
        assert lab.rate == 2.5
        assert conn.eval("__import__('lab').rate") == 2.5
        assert lab.probe(7).number == 7
        assert lab.call(lambda x: x + 1, 41) == 42, "C++ calls this process"
        with pytest.raises(IndexError, match="no such channel"):
            lab.fail("range")
        conn.close()
        assert program.communicate("\n", timeout=25)[0] == "ended\n"
        assert program.returncode == 0

    def test_clients_that_are_there_at_the_end_are_told(self, scenario, lib):
        program = scenario("serves")
        port = port_in(program.stdout)
        conns = [lib.classic.connect("127.0.0.1", port) for _ in range(3)]
        held = [conn.modules.lab.probe(1) for conn in conns]
        begun, never = threading.Event(), threading.Event()

        def wait(_):
            begun.set()
            never.wait(60)

        waiting = Worker(conns[0].modules.lab.call, wait, 0)
        assert begun.wait(20), "C++ waits for this process"
        conns[1].execute("import lab")
        lists = [conn.eval("[1, 2]") for conn in conns[1:]]
        program.stdin.write("\n")
        program.stdin.flush()
        assert program.stdout.readline() == "ended\n"
        never.set()
        with pytest.raises(EOFError):
            waiting.result()
        for proxy in lists:
            with pytest.raises(EOFError):
                len(proxy)
        del held
        program.stdin.close()
        assert program.wait(20) == 0, program.stderr.read()

    def test_what_computes_for_ever_does_not_hold_up_the_end(self, scenario, lib):
        program = scenario("finishes")
        conn = lib.classic.connect("127.0.0.1", port_in(program.stdout))
        conn.execute("def compute():\n  print('computing', flush=True)\n  while True: pass")
        computing = Worker(conn.namespace["compute"])
        assert program.stdout.readline() == "computing\n"
        program.stdin.write("\n")
        program.stdin.flush()
        assert program.stdout.readline() == "ended\n", program.stderr.read()
        with pytest.raises(EOFError):
            computing.result()
        assert program.wait(20) == 0, program.stderr.read()

    @pytest.mark.usefixtures("scenario")  # whether its Python is that of this run
    def test_the_example(self, example, script):
        program = example("simulator", "tcp://127.0.0.1:0", sys.executable)
        port = port_in(program.stdout)
        said, complaints = script(EMBEDDING / "script.py", "127.0.0.1", port).communicate()
        assert complaints == ""
        assert said == "by hand: 2.00\ncontrolled: 2.98, asked 6000 times\n"
        eventually(lambda: catches(program, signal.SIGTERM))
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0


def test_nothing_of_the_engine_leaves_the_extension():
    """A program's engine and the module's must not see each other."""
    extension = importlib.import_module("sinew._sinew").__file__
    shown = subprocess.run(
        ["nm", "-D", "--defined-only", "--demangle", extension],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [line.split()[-1] for line in shown.splitlines()] == ["PyInit__sinew"]
