"""The C++ servers in examples/cpp, with the Python clients beside them, RPyC's and ours."""

import json
import signal

import pytest

from harness import notebook
from harness.waiting import Worker, eventually

from .conftest import ROOT, port_in

EXAMPLES = ROOT / "examples" / "cpp"
ANY_PORT = "tcp://127.0.0.1:0"


def test_hello(example, lib):
    port = port_in(example("hello_server", ANY_PORT).stdout)
    with lib.connect("127.0.0.1", port) as conn:
        assert conn.root.hello("Lucy") == "Hello, Lucy!"


def test_an_example_says_what_is_wrong(example):
    program = example("hello_server", "tcp://no such host:1")
    assert program.wait(20) == 1
    assert program.stderr.read().startswith("hello_server: ")


def test_an_instrument_and_its_client(example, script):
    port = port_in(example("instrument_server", ANY_PORT).stdout)
    said, complaints = script("instrument_client.py", "127.0.0.1", port).communicate(timeout=25)
    assert complaints == ""
    assert said.startswith("1 channel, 2000 samples per second\nsample at ")
    assert said.count("sample at ") == 3
    assert said.count("trigger at ") >= 3


def test_an_instrument_forgets_a_client_that_is_gone(example, lib):
    program = example("instrument_server", ANY_PORT)
    port = port_in(program.stdout)
    with lib.connect("127.0.0.1", port) as conn:
        conn.root.on_trigger(lambda *_: None)
    assert "a listener is dropped" in program.stdout.readline()
    with lib.connect("127.0.0.1", port) as conn:
        assert len(list(conn.root.samples(5))) == 5


def test_an_instrument_from_a_notebook(example, script):
    port = port_in(example("instrument_server", ANY_PORT).stdout)
    runner = ROOT / "tests" / "python" / "harness" / "notebook.py"
    program = script(runner, "instrument.ipynb", instrument=f"127.0.0.1:{port}")
    said, complaints = program.communicate(timeout=25)
    assert complaints == ""
    assert said == "8 cells\n"


def test_a_notebook_that_shows_something_else_is_found():
    shown = json.loads((EXAMPLES / "instrument.ipynb").read_text())
    for cell in shown["cells"]:
        cell["source"] = ["1 + 1"] if cell["cell_type"] == "code" else []
    with pytest.raises(AssertionError, match="shows"):
        notebook.run(shown)


def test_a_script_extends_a_program(example, script):
    host = example("plugin_host", ANY_PORT)
    port = port_in(host.stderr)

    def passed(line):
        host.stdin.write(line + "\n")
        host.stdin.flush()
        return host.stdout.readline().rstrip("\n")

    assert passed("one two") == "one two"
    plugin = script("plugin_script.py", "127.0.0.1", port)
    assert plugin.stdout.readline() == "drop_comments number_words\n"
    host.stdin.write("# dropped\n")
    assert passed("one two") == "one two (2 words)"
    plugin.kill()
    plugin.wait(20)
    assert passed("one two") == "one two", "its filters are gone with it"
    host.stdin.close()
    assert host.wait(20) == 0


def test_a_filter_that_fails_leaves_the_line(example, lib):
    host = example("plugin_host", ANY_PORT)
    with lib.connect("127.0.0.1", port_in(host.stderr)) as conn:
        background = lib.BgServingThread(conn)
        conn.root.add("broken", lambda line: 1 / 0)
        assert host.stderr.readline() == "filter broken is in\n"
        host.stdin.write("line\n")
        host.stdin.flush()
        assert host.stdout.readline() == "line\n"
        assert "ZeroDivisionError" in host.stderr.readline()
        conn.root.remove("broken")
        assert conn.root.names() == ()
        with pytest.raises(KeyError):
            conn.root.remove("broken")
        background.stop()


def test_a_server_that_is_told_to_end_answers_first(example, lib):
    program = example("graceful_server", ANY_PORT, 20)
    port = port_in(program.stdout)
    with lib.connect("127.0.0.1", port) as conn:
        printing = Worker(conn.root.print, "page", 1.0)
        assert program.stdout.readline() == "printing page\n"
        program.send_signal(signal.SIGTERM)
        assert printing.result() == "printed page"
        assert program.wait(20) == 0
        assert program.stdout.read() == "all callers have their answers\n"
    with pytest.raises(OSError):
        lib.connect("127.0.0.1", port)


def test_what_outlasts_the_drain_time_is_cut_off(example, lib):
    program = example("graceful_server", ANY_PORT, 0)
    conn = lib.connect("127.0.0.1", port_in(program.stdout))
    printing = Worker(conn.root.print, "page", 1.0)
    assert program.stdout.readline() == "printing page\n"
    program.send_signal(signal.SIGTERM)
    with pytest.raises(EOFError):
        printing.result()
    assert program.wait(20) == 3
    assert program.stdout.read() == "some callers were cut off\n"
    eventually(lambda: conn.closed)
