"""The test farm: eight devices that reboot while they are tested."""

import os
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from harness.combos import ours_only
from harness.presence import require
from harness.programs import EXAMPLES
from harness.waiting import Stopwatch

FARM = EXAMPLES / "test_farm"

# What the suite of the example has not: a moment at which the test pulls a plug.
PLUG = """

def test_plug(flash):
    if (flash / "serial").read_text() == "0002" and not (flash / "pulled").exists():
        (flash / "pulled").touch()
        print("pull the plug")
        import threading
        threading.Event().wait()
"""

ENDLESS = """
import threading

def test_it(flash):
    print("on")
    threading.Event().wait()
"""


@pytest.fixture
def rack():
    """Eight devices: `uris`, and `pids`, which says what runs at each of them now."""
    require("ours")
    process = subprocess.Popen(
        [sys.executable, FARM / "rack.py"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        lines = [process.stdout.readline().split() for _ in range(8)]
        yield SimpleNamespace(uris=[uri for uri, _ in lines], lines=process.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        finally:
            process.stdout.close()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def control(tmp_path):
    """A function that starts the controller for a suite and some devices."""
    started = []

    def start(suite, uris):
        program = subprocess.Popen(
            [sys.executable, FARM / "controller.py", tmp_path / "results", suite, *uris],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(program)
        return program

    yield start
    for program in started:
        program.kill()
        program.communicate()


def table(text):
    """Return what the report says of each device: passed, failed, lost."""
    rows = re.findall(r"^(127\S+) +(\d+) +(\d+) +(\d+)$", text, re.MULTILINE)
    return {name: tuple(map(int, numbers)) for name, *numbers in rows}


@ours_only
@pytest.mark.timeout(120)
def test_all_devices_reboot_and_all_results_are_collected(impl, rack, control, tmp_path):
    suite = tmp_path / "suite.py"
    suite.write_text((FARM / "suite.py").read_text() + PLUG)
    program = control(suite, rack.uris)
    victim = rack.uris[1].partition("://")[2]
    lines = []
    for line in program.stdout:
        lines.append(line)
        if line == f"{victim}: pull the plug\n":
            os.kill(pid_at(rack, victim), signal.SIGKILL)
    assert program.wait(20) == 1
    text = "".join(lines)
    names = [uri.partition("://")[2] for uri in rack.uris]
    for number, name in enumerate(names, start=1):
        assert f"{name}: serial number {number:04}\n" in lines
        assert lines.index(f"{name}: hanging\n") < lines.index(f"{name}: was reset\n")
        supply = (tmp_path / "results" / name / "measurements.csv").read_text()
        assert supply == ("supply,10.9\n" if number == 5 else "supply,12.0\n")
    # Upload and collecting are steps, too, and so is asking for the names of the tests.
    outcomes = table(text)
    assert {name: row[:2] for name, row in outcomes.items()} == {
        name: (7, 1) if name == names[4] else (8, 0) for name in names
    }
    assert all(lost >= 1 for _, _, lost in outcomes.values())
    assert outcomes[victim][2] >= 2
    assert lines.count(f"{victim}: pull the plug\n") == 1


def pid_at(rack, name):
    """Return which process runs a device that has rebooted once; each boot is a line."""
    for line in rack.lines:
        uri, pid = line.split()
        if uri.endswith(name):
            return int(pid)
    raise AssertionError("the rack has ended")


@ours_only
@pytest.mark.timeout(60)
def test_a_failure_is_shown_with_the_lines_of_the_suite_on_the_device(impl, rack, control):
    program = control(FARM / "suite.py", [rack.uris[4]])
    text, _ = program.communicate(timeout=50)
    report = text[text.index(", test_supply: ") :]
    assert "ValueError: supply is 10.9, not within 11.5 and 12.5" in report
    frames = re.findall(r'File "(.+)", line \d+, in (\w+)\n    (.+)', report)
    assert [(os.path.basename(file), function) for file, function, _ in frames][-2:] == [
        ("suite.py", "test_supply"),
        ("suite.py", "check"),
    ]
    assert frames[-2][2] == 'check("supply", volts, 11.5, 12.5)'


@ours_only
@pytest.mark.timeout(60)
def test_ctrl_c_ends_the_farm_at_once(impl, rack, control, tmp_path):
    suite = tmp_path / "endless.py"
    suite.write_text(ENDLESS)
    program = control(suite, rack.uris)
    waiting = 0
    while waiting < len(rack.uris):
        line = program.stdout.readline()
        assert line, program.stderr.read()
        waiting += line.endswith(": on\n")
    watch = Stopwatch()
    program.send_signal(signal.SIGINT)
    assert program.wait(20) == 130
    assert watch.seconds < 10
    assert "Traceback" not in program.stderr.read()


@ours_only
def test_a_device_that_is_not_there_is_one_sentence(impl, control):
    require("ours")
    program = control(FARM / "suite.py", ["tcp://127.0.0.1:1"])
    assert program.wait(20) == 2
    assert program.stderr.read() == "no device: Connection refused: tcp://127.0.0.1:1\n"
