"""`sinew shell`: a console over there, on a terminal and with a program on standard input."""

import contextlib
import fcntl
import os
import signal
import stat
import subprocess
import sys
import termios
import time

import pytest

from harness.combos import only
from harness.terminal import Terminal
from harness.waiting import eventually

pytestmark = [only(client="ours"), pytest.mark.timeout(60)]


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def shell(program, state):
    """A function that starts a shell at an address, on a terminal, and waits until it is ready."""
    with contextlib.ExitStack() as open_now:

        def start(uri, *arguments):
            command = [program, "shell", uri, *arguments]
            made = Terminal(command, XDG_STATE_HOME=str(state))
            open_now.callback(made.close)
            made.wait_for("Ctrl-D ends")
            return made

        yield start


@pytest.fixture
def console(shell, classic_uri):
    """A console at a classic server."""
    made = shell(classic_uri)
    made.wait_for(">>> ")
    return made


@pytest.fixture
def uri(serve):
    return f"tcp://127.0.0.1:{serve('commands:lab').port}"


def waiting_in(pipe):
    """How many bytes are in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def answer(console, text, prompt=">>> "):
    """Type a line; return what is shown until the next prompt."""
    console.edit(text + "\n")
    console.wait_for(text + "\n")
    return console.wait_for(prompt).strip()


def test_statements_run_over_there_and_results_are_shown_here(console, classic_uri, said):
    pid = said("call", classic_uri, "os.getpid").strip()
    assert answer(console, "import os") == ""
    assert answer(console, "os.getpid()") == pid
    assert answer(console, "print('a', 'b')") == "a\nb".replace("\n", " ")
    assert answer(console, "_ if False else None") == ""


def test_a_statement_may_go_on_in_the_next_line(console):
    assert answer(console, "def f(x):", "... ") == ""
    assert answer(console, "    return 2 * x", "... ") == ""
    assert answer(console, "") == ""
    assert answer(console, "f(21)") == "42"


def test_exceptions_are_shown_as_python_shows_them(console):
    lines = answer(console, "1 / 0").splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert "SyntaxError" in answer(console, "def :")
    assert answer(console, "3") == "3"


def test_input_is_read_here(console):
    console.edit("'<' + input('name? ') + '>'\n")
    console.wait_for("\nname? ")
    console.type("lucy\n")
    console.wait_for("'<lucy>'")


def test_what_is_not_ascii_is_edited_and_shown(console):
    assert answer(console, "'\N{LATIN SMALL LETTER E WITH ACUTE}\N{EURO SIGN}'.upper()") == (
        "'\N{LATIN CAPITAL LETTER E WITH ACUTE}\N{EURO SIGN}'"
    )


def test_tab_completes_what_is_over_there(console):
    answer(console, "import collections")
    console.edit("collections.OrderedD\t")
    console.wait_for("collections.OrderedDict(")
    console.edit(").__len__()\n")
    console.wait_for("\n0\n")
    console.wait_for(">>> ")
    console.edit("collections.Use\t\t")
    console.wait_for("collections.UserDict")
    console.wait_for("collections.UserString")
    console.edit("\x03")
    console.wait_for(">>> ")


def test_what_the_server_names_does_nothing_to_the_terminal(shell, sinew, serve):
    uri = f"127.0.0.1:{serve('classic:slave', fresh=True).port}"
    lie = "import platform\nplatform.node = lambda: 'lab\\x1b]0;PWNED\\x07'\n"
    assert sinew("shell", uri, stdin=None, input=lie).returncode == 0
    console = shell(uri)
    console.wait_for(">>> ")
    answer(console, "names = ['lamp_' + i + chr(27) + ']0;PWNED' + chr(7) for i in 'cd']")
    answer(console, "globals().update(dict.fromkeys(names))")
    answer(console, "lamp_a = lamp_b = 42")
    console.edit("lamp_\t")
    console.wait_for("lamp_b")
    console.edit("a\n")
    console.wait_for("42")
    console.wait_for(">>> ")
    console.edit("exit(chr(27) + ']0;PWNED' + chr(7))\n")
    assert console.end() == 1
    assert "lab\\x1b]0;PWNED\\x07;" in console.shown
    assert "\n\\x1b]0;PWNED\\x07\n" in console.shown
    assert "\x1b]0;PWNED" not in console.raw


def test_lines_are_remembered(console, shell, classic_uri, state):
    answer(console, "7 * 191")
    console.edit("\x1b[A\n")  # the arrow that points up
    console.wait_for("1337")
    console.wait_for(">>> ")
    console.edit("\x04")
    assert console.end() == 0
    file = state / "sinew" / "history"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    later = shell(classic_uri)
    later.wait_for(">>> ")
    later.edit("\x1b[A\n")
    later.wait_for("1337")


def test_ctrl_c_interrupts_what_runs(console):
    console.edit("print('begun') or any(False for _ in iter(int, 1))\n")
    console.wait_for("\nbegun")
    began = time.monotonic()
    console.type("\x03")
    console.wait_for("\nKeyboardInterrupt")
    console.wait_for(">>> ")
    assert time.monotonic() - began < 5  # 0.2 s, on a machine that does nothing else
    assert answer(console, "6 * 7") == "42"


def test_ctrl_c_comes_back_from_what_cannot_be_interrupted(shell, serve):
    uri = f"tcp://127.0.0.1:{serve('classic:slave', fresh=True).port}"
    console = shell(uri)
    console.wait_for(">>> ")
    answer(console, "import threading; gate = threading.Lock(); _ = gate.acquire()")
    console.edit("print('waits'); gate.acquire(timeout=600)\n")
    console.wait_for("\nwaits")
    began = time.monotonic()
    console.type("\x03")
    console.wait_for(">>> ")
    assert time.monotonic() - began < 5


def test_ctrl_c_throws_a_line_away(console):
    console.edit("exit(3)\x03")
    console.wait_for(">>> ")
    console.edit("for i in range(3):\n")
    console.wait_for("... ")
    console.edit("\x03")
    console.wait_for(">>> ")
    assert answer(console, "'alive'") == "'alive'"


@pytest.mark.parametrize(("text", "code"), [("exit()", 0), ("exit(3)", 3), ("exit('gone')", 1)])
def test_exit_ends_with_its_code(console, text, code):
    console.edit(text + "\n")
    assert console.end() == code
    assert ("\ngone" in console.shown) == (code == 1)


def test_the_server_goes_on_after_the_shell(console, classic_uri, said):
    answer(console, "import sys; sys.stdout is sys.__stdout__")
    console.edit("exit()\n")
    assert console.end() == 0
    assert said("call", classic_uri, "len", "{}") == "0\n"
    assert said("get", classic_uri, "sys.stdin.closed") == "False\n"


def test_a_server_that_ends_is_a_line_and_code_3(shell, serve):
    server = serve("classic:slave", fresh=True)
    console = shell(f"127.0.0.1:{server.port}")
    console.wait_for(">>> ")
    server.stop()
    console.edit("1\n")
    assert console.end() == 3
    assert console.shown.rstrip().splitlines()[-1].startswith("sinew shell: ")


def test_a_program_on_standard_input(sinew, classic_uri):
    def run(text):
        return sinew("shell", classic_uri, stdin=None, input=text)

    done = run("def f():\n    return 1\n\nprint(f())\nprint(f() + 1)\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n2\n", "")
    done = run("print(1)\n1 / 0\nprint(2)\n")
    assert (done.returncode, done.stdout) == (1, "1\n")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert run("raise SystemExit(5)").returncode == 5
    done = run("import sys; sys.stderr.write('to here')")
    assert (done.stdout, done.stderr) == ("", "to here")


def test_ctrl_c_ends_a_program_on_standard_input(program, classic_uri):
    command = [program, "shell", classic_uri]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        process.stdin.write("print('begun', flush=True)\nwhile True: pass\n")
        process.stdin.close()
        assert process.stdout.readline() == "begun\n"
        process.send_signal(2)
        assert process.wait(20) in (1, -2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_it_reads_a_program(program, serve, number):
    server = serve("classic:slave", fresh=True)
    command = [program, "shell", f"127.0.0.1:{server.port}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(b"#")
        process.stdin.flush()
        # It has taken that from the pipe: it reads.
        eventually(lambda: waiting_in(process.stdin) == 0, 20)
        process.send_signal(number)
        assert process.wait(20) == -number


def test_standard_input_that_cannot_be_read_is_a_line(complaint, classic_uri):
    folder = os.open("/", os.O_RDONLY)
    try:
        line = complaint(4, "shell", classic_uri, stdin=folder)
    finally:
        os.close(folder)
    assert line == "sinew shell: cannot read standard input: Is a directory"


def test_a_statement_that_takes_too_long_is_late(sinew, classic_uri):
    program = "import threading; threading.Event().wait(30)\n"
    done = sinew("shell", classic_uri, "--timeout", 0.5, stdin=None, input=program)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)


# -- a service -----------------------------------------------------------------------------------


def test_expressions_at_a_service(shell, uri):
    console = shell(uri)
    console.wait_for("> ")
    assert answer(console, "add(1, b=40)", "\n> ") == "41"
    assert answer(console, "c = channel(1)", "> ") == ""
    assert answer(console, "c.name()", "\n> ") == "'one'"
    assert answer(console, "add(add(1, 2), 3)", "\n> ") == "6"
    assert answer(console, "fail('no lamp')", "\n> ") == "ValueError: no lamp"
    assert "is missing" in answer(console, "add(", "\n> ")
    assert "name(...)" in answer(console, "help(c)", "\n> ")
    console.edit("chan\t(0).name()\n")
    console.wait_for("'zero'")
    console.edit("\x04")
    assert console.end() == 0


@only(server="ours")
def test_a_cpp_service(shell, cpp_uri):
    console = shell(cpp_uri)
    console.wait_for("> ")
    assert answer(console, "samples(2)", "\n> ") == "(0.0, 0.001)"
    assert "Adds two integers." in answer(console, "help()", "\n> ")


def test_a_script_for_a_service(sinew, uri):
    done = sinew("shell", uri, stdin=None, input="x = add(1)\nadd(x, x)\n")
    assert (done.returncode, done.stdout) == (0, "6\n")
    done = sinew("shell", uri, stdin=None, input="fail('no lamp')\nadd(1)\n")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "ValueError: no lamp\n")
