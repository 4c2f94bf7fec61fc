"""The debugger and the interpreter of the peer, typed at here: `classic.pm`, `classic.interact`."""

import io
import sys

import pytest

from harness.impls import submodule


@pytest.fixture
def tools(rpyc):
    return submodule(rpyc, "utils.classic")


class Terminal:
    """Stands in for the standard files of this process; `screen` is all that was shown."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch
        self._screen = io.StringIO()

    def type(self, *lines):
        """What the next program will read."""
        typed = io.StringIO("".join(f"{line}\n" for line in lines))
        for name, file in (("stdin", typed), ("stdout", self._screen), ("stderr", self._screen)):
            self._monkeypatch.setattr(sys, name, file)

    @property
    def screen(self):
        return self._screen.getvalue()


@pytest.fixture
def terminal(monkeypatch):
    return Terminal(monkeypatch)


@pytest.fixture
def failed(classic):
    """A connection whose last request failed."""
    classic.execute(
        "def divide(left, right):\n    total = left + right\n    return left / (total - 5)"
    )
    with pytest.raises(ZeroDivisionError):
        classic.namespace["divide"](2, 3)
    return classic


def standard_files(conn):
    return [conn.eval(f"id(__import__('sys').{name})") for name in ("stdin", "stdout", "stderr")]


def test_the_debugger_stands_where_the_last_request_failed(failed, tools, terminal):
    terminal.type("print(f'total is {total}')", "q")
    tools.pm(failed)
    assert "total is 5" in terminal.screen
    assert "divide" in terminal.screen


def test_the_debugger_walks_the_stack_and_changes_what_it_finds(failed, tools, terminal):
    terminal.type("!total = 7", "p left / (total - 5)", "up", "down", "p right", "q")
    tools.pm(failed)
    assert "1.0" in terminal.screen
    assert "3" in terminal.screen


def test_the_standard_files_are_back_after_debugging(failed, tools, terminal):
    before = standard_files(failed)
    with pytest.raises(ZeroDivisionError):
        failed.namespace["divide"](2, 3)
    terminal.type("q")
    tools.pm(failed)
    assert standard_files(failed) == before


def test_the_end_of_the_keyboard_ends_the_debugger(failed, tools, terminal):
    terminal.type("p total")
    tools.pm(failed)
    assert "5" in terminal.screen


def test_without_an_error_there_is_nothing_to_debug(connect, rpyc, tools, terminal):
    conn = connect("classic:slave", client_service=rpyc.ClassicService)
    terminal.type("q")
    before = standard_files(conn)
    with pytest.raises(ValueError):
        tools.pm(conn)
    assert standard_files(conn) == before


def test_interaction_runs_what_is_typed_there(classic, tools, terminal):
    terminal.type("import os", "print('pid', os.getpid())", "6 * 7")
    tools.interact(classic)
    assert f"pid {classic.modules.os.getpid()}" in terminal.screen
    assert "42" in terminal.screen


def test_interaction_has_the_names_that_it_is_given_and_the_connection(classic, tools, terminal):
    terminal.type("print(lent.upper(), conn.closed)", "number + 1")
    tools.interact(classic, {"lent": "from here", "number": 41})
    assert "FROM HERE False" in terminal.screen
    assert "42" in terminal.screen


def test_interaction_reaches_objects_of_this_side(classic, tools, terminal):
    mine = [1, 2]
    terminal.type("mine.append(len(mine))")
    tools.interact(classic, {"mine": mine})
    assert mine == [1, 2, 2]


def test_an_error_is_shown_and_interaction_goes_on(classic, tools, terminal):
    terminal.type("1 / 0", "def broken(:", "print('still', 'here')")
    tools.interact(classic)
    assert "ZeroDivisionError" in terminal.screen
    assert "SyntaxError" in terminal.screen
    assert "still here" in terminal.screen


def test_statements_of_several_lines(classic, tools, terminal):
    terminal.type("for n in range(3):", "    print('line', n)", "", "print('end')")
    tools.interact(classic)
    for text in ("line 0", "line 1", "line 2", "end"):
        assert text in terminal.screen


def test_the_standard_files_are_back_after_interaction(classic, tools, terminal):
    before = standard_files(classic)
    terminal.type("print('typed')")
    tools.interact(classic)
    assert standard_files(classic) == before


@pytest.mark.parametrize("leaving", ["raise SystemExit('enough')", "exit()"])
def test_leaving_the_interpreter_restores_the_standard_files(classic, tools, terminal, leaving):
    """The peer does not end: leaving is an error here."""
    before = standard_files(classic)
    terminal.type(leaving, "print('not reached')")
    with pytest.raises(SystemExit):
        tools.interact(classic)
    assert standard_files(classic) == before
    assert "not reached" not in terminal.screen


def test_what_the_peer_prints_is_shown_in_order(classic, tools, terminal):
    terminal.type(*(f"print({number})" for number in range(20)))
    tools.interact(classic)
    shown = [word for word in terminal.screen.replace(">>> ", "\n").split() if word.isdigit()]
    assert shown[-20:] == [str(number) for number in range(20)]
