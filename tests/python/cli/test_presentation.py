"""What the program shows on a terminal, and what it does not send elsewhere."""

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
import time

import pytest

from harness.combos import only
from harness.terminal import Terminal
from harness.waiting import eventually

pytestmark = only(client="ours", server="ours")


@pytest.fixture
def on_terminal(program):
    """A function that runs the program on a terminal; returns all bytes that it has shown."""
    with contextlib.ExitStack() as open_now:

        def run(*arguments, **environment):
            made = Terminal([program, *map(str, arguments)], **environment)
            open_now.callback(made.close)
            assert made.end() == 0, made.shown
            return made.raw

        yield run


def test_control_characters_of_the_peer_do_not_reach_the_terminal(on_terminal, classic_uri):
    shown = on_terminal("call", classic_uri, "str", r"'\x1b]0;mine\x07\x9b2J'")
    assert shown == "\\x1b]0;mine\\x07\\x9b2J\r\n"


def test_colour_is_for_terminals_that_want_it(on_terminal, said, cpp_uri):
    assert "\x1b[36m" in on_terminal("ls", cpp_uri)
    assert "\x1b[32mok" in on_terminal("doctor", cpp_uri)
    for quiet in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_terminal("ls", cpp_uri, **quiet)
    assert "\x1b" not in said("ls", cpp_uri)
    assert "\x1b" not in said("--help")


def test_a_line_of_the_peer_stays_one_line(complaint, serve):
    uri = f"127.0.0.1:{serve('commands:lab').port}"
    assert complaint(1, "call", uri, "fail", r"'a\nb\x1b[2J'").endswith(r"a\nb\x1b[2J")


def unread(descriptor):
    """Return how many bytes of a pipe nobody has read yet."""
    return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0"))[0]


def test_ctrl_c_ends_a_call_at_once(program, classic_uri, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    pipe = os.open(tmp_path / "pipe", os.O_RDWR)
    os.write(pipe, b"begun")
    reading = f"open('{tmp_path}/pipe', 'rb').read"
    terminal = Terminal([program, "call", classic_uri, reading, "100"])
    try:
        eventually(lambda: unread(pipe) == 0, 20)  # it waits over there
        began = time.monotonic()
        terminal.type("\x03")
        terminal.end()
        assert terminal.process.returncode == -signal.SIGINT
        assert time.monotonic() - began < 5  # nothing has to be waited for
    finally:
        os.close(pipe)
        terminal.close()


def test_a_result_that_cannot_be_written_is_a_line(program, classic_uri):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [program, "get", classic_uri, "sys.path"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=20,
            check=False,
        )
    assert done.returncode == 4
    assert done.stderr == "sinew get: cannot write the result to standard output\n"


@pytest.mark.parametrize(
    "command",
    "ls call get set shell upload download ping doctor bench completion".split(),
)
def test_help_has_examples(said, command):
    text = said(command, "--help")
    assert f"\nUsage: sinew {command} " in text
    assert f"\n  sinew {command} " in text or f"(sinew {command} " in text
