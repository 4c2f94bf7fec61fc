"""The rules themselves: each is able to fail, and does not cry wolf."""

from __future__ import annotations

from pathlib import PurePosixPath as Path

import pytest
from lint_files import cpp_code
from lint_rules import RULES, Rule


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_bad_example_is_found(rule: Rule) -> None:
    path, text = rule.bad
    assert list(rule.check(Path(path), text))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_good_example_is_not(rule: Rule) -> None:
    path, text = rule.good
    assert not list(rule.check(Path(path), text))


FURTHER_BAD = [
    ("the_core_never_prints_and_never_ends_the_process", "src/io/a.cpp", "  printf(x);\n"),
    ("the_core_never_prints_and_never_ends_the_process", "src/io/a.cpp", "  ::exit(1);\n"),
    ("the_core_never_prints_and_never_ends_the_process", "src/io/a.cpp", "  assert(x);\n"),
    ("the_gil_is_touched_by_two_names_only", "python/ext/a.cpp", "  Py_BEGIN_ALLOW_THREADS\n"),
    ("the_gil_is_touched_by_two_names_only", "python/ext/a.cpp", "  PyGILState_Ensure();\n"),
    ("lambdas_name_what_they_copy", "src/io/a.cpp", "[=, &x] {}\n"),
    ("notes_say_their_kind", "src/io/a.cpp", "// TODO(someday): text\n"),
    ("notes_say_their_kind", "python/sinew/a.py", "# FIXME later\n"),
    ("tests_do_not_sleep", "src/io/a_test.cpp", "std::this_thread::sleep_for(1ms);\n"),
    ("tests_do_not_sleep", "tests/python/a.py", "from time import monotonic, sleep\n"),
    ("tests_do_not_sleep", "tests/python/a.py", "await asyncio.sleep(0.1)\n"),
    ("nothing_names_the_machine_it_was_written_on", "dev", 'cd "/work/tree"\n'),
    ("nothing_names_the_machine_it_was_written_on", "docs/a.md", "`/home/someone/x`\n"),
    (
        "what_cpython_calls_throws_nothing",
        "python/ext/a.cpp",
        '#include "slot.h"\nPyObject* end(PyObject* o) {\n}\n{"end", end, METH_O, "Ends."},\n',
    ),
]

FURTHER_GOOD = [
    (
        "waiting_uses_the_parker",
        "src/rpc/a.h",
        "std::condition_variable armed_;  // lint: own thread\n",
    ),
    (
        "the_core_never_prints_and_never_ends_the_process",
        "src/io/a.cpp",
        "call->exit(); x.abort();\n",
    ),
    ("the_core_never_prints_and_never_ends_the_process", "src/io/a_test.cpp", "_exit(0);\n"),
    ("tests_do_not_sleep", "tests/python/a.py", "await asyncio.sleep(0)\n"),
    ("tests_do_not_sleep", "src/rpc/a.cpp", "std::this_thread::sleep_for(1ms);\n"),
    ("nothing_names_the_machine_it_was_written_on", "docs/a.md", "conn.root, /workers, src/root\n"),
]


def check_named(name: str, path: str, text: str) -> list[tuple[int, str]]:
    (rule,) = (rule for rule in RULES if rule.name == name)
    return list(rule.check(Path(path), text))


@pytest.mark.parametrize(("name", "path", "text"), FURTHER_BAD)
def test_further_bad_examples_are_found(name: str, path: str, text: str) -> None:
    assert check_named(name, path, text)


@pytest.mark.parametrize(("name", "path", "text"), FURTHER_GOOD)
def test_further_good_examples_are_not(name: str, path: str, text: str) -> None:
    assert not check_named(name, path, text)


def test_comments_and_strings_are_not_code() -> None:
    text = 'a; // b\n/* c\nd */ e = "f\\"g"; h = R"x(i)x"; j = \'"\'; k = 1\'000;\n#include "l.h"\n'
    code = cpp_code(text)
    assert code.count("\n") == text.count("\n")
    assert code.split() == [
        "a;",
        "e",
        "=",
        ";",
        "h",
        "=",
        ";",
        "j",
        "=",
        ";",
        "k",
        "=",
        "1'000;",
        "#include",
        '"l.h"',
    ]


def test_the_line_of_a_finding_is_right() -> None:
    ((line, _),) = check_named(
        "lambdas_name_what_they_copy", "src/io/a.cpp", "// [=]\n\nf([=] {});\n"
    )
    assert line == 3
