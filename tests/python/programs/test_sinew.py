"""The program `sinew`: what it prints, how it ends."""

import re
import signal
import socket
import subprocess
import sys

import pytest

from harness.presence import require

MODULE = """
import sinew
class Calculator:
    @sinew.expose
    def add(self, a, b): return a + b
    def on_disconnect(self, conn): print("bye", flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a module that has something to serve."""
    (tmp_path / "lab.py").write_text(MODULE)
    return tmp_path


@pytest.fixture
def start(folder):
    """A function that starts `sinew` with arguments, in that folder."""
    require("ours")
    started = []

    def start_program(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "sinew", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        started.append(process)
        return process

    yield start_program
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def taken():
    """A port that somebody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_serving_without_a_port_prints_the_one_that_was_chosen(start):
    import sinew  # noqa: PLC0415 - only where ours is built

    line = start("serve", "lab:Calculator", "tcp://127.0.0.1").stderr.readline()
    place = r"tcp://127\.0\.0\.1:\d+"
    uri = re.fullmatch(rf"serving lab:Calculator at ({place}), Ctrl-C ends\n", line)[1]
    with sinew.connect(uri) as conn:
        assert conn.root.add(1, 2) == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_serving_in_good_order(start, number, code):
    import sinew  # noqa: PLC0415 - only where ours is built

    process = start("serve", "lab:Calculator", "tcp://127.0.0.1")
    uri = process.stderr.readline().split()[3].rstrip(",")
    conn = sinew.connect(uri)
    assert conn.root.add(1, 2) == 3
    process.send_signal(number)
    assert process.wait(10) == code
    with pytest.raises(EOFError):
        conn.root.add(1, 2)
    assert process.stdout.read() == "bye\n"
    assert "Traceback" not in process.stderr.read()


def test_a_taken_port_is_one_sentence(start, taken):
    process = start("serve", "lab:Calculator", f"tcp://127.0.0.1:{taken}")
    assert process.wait(10) == 1
    place = f"tcp://127.0.0.1:{taken}"
    text = f"sinew serve: cannot listen at {place}: Address already in use\n"
    assert process.stderr.read() == text


@pytest.mark.parametrize("options", [[], ["-m", "oneshot"], ["-m", "forking"]])
def test_a_classic_server_at_a_taken_port_is_one_sentence(start, taken, options):
    process = start("classic", "--port", str(taken), *options)
    assert process.wait(10) == 1
    text = f"sinew classic: cannot listen at 127.0.0.1:{taken}: Address already in use\n"
    assert process.stderr.read() == text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["lab"], "MODULE:OBJECT"),
        (["nowhere:Thing"], "nowhere"),
        (["lab:Missing"], "Missing"),
        (["sys:path"], "exposes nothing"),
        (["lab:Calculator", "http://here"], "write tcp://"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(start, arguments, complaint):
    process = start("serve", *arguments)
    assert process.wait(10) == 2
    text = process.stderr.read()
    assert complaint in text
    assert text.startswith("sinew serve: ")
    assert text.count("\n") == 1


@pytest.mark.parametrize("command", ["classic", "registry", "serve"])
def test_help_calls_the_command_by_its_name(start, command):
    text = start(command, "--help").communicate(timeout=10)[0]
    assert text.startswith(f"usage: sinew {command} ")


def test_help_lists_the_commands(start):
    text = start("--help").communicate(timeout=10)[0]
    for command in ("classic", "registry", "serve"):
        assert f"    {command} " in text
