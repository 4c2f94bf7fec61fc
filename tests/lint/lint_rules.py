"""The rules of the source: each takes a path and a text, and yields what is wrong with it.

A rule is registered with an example that breaks it and one that does not, so that `test_rules.py`
can show that it is able to fail. Layers have a file of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath as Path

from lint_files import cpp_code, line_of

Finding = tuple[int, str]  # line, what is wrong
Check = Callable[[Path, str], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    name: str
    check: Check
    bad: tuple[str, str]  # path, text
    good: tuple[str, str]


RULES: list[Rule] = []


def rule(*, bad: tuple[str, str], good: tuple[str, str]) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        RULES.append(Rule(check.__name__, check, bad, good))
        return check

    return register


# --- kinds of files -------------------------------------------------------------------------------


def is_cpp(path: Path) -> bool:
    return path.suffix in {".h", ".cpp"}


def is_test(path: Path) -> bool:
    return path.name.endswith("_test.cpp") or path.parts[0] == "tests"


def is_core(path: Path) -> bool:
    return is_cpp(path) and path.parts[0] == "src" and not is_test(path)


def plays_host(path: Path) -> bool:
    """Programs beside the engine that use CPython in their own way."""
    return path.parts[0] == "bench" or path.parts[:3] == ("tests", "cpp", "embedding")


def is_source(path: Path) -> bool:
    return path.suffix in {".h", ".cpp", ".py", ".pyi", ".cmake", ".sh", ".pml"} or path.name in {
        "CMakeLists.txt",
        "dev",
        "run",
    }


def is_lint(path: Path) -> bool:
    """These files hold the bad examples."""
    return path.parts[:2] == ("tests", "lint")


def findings(pattern: str, text: str, message: str) -> Iterator[Finding]:
    for match in re.finditer(pattern, text, re.MULTILINE):
        yield line_of(text, match.start()), f"{message}: {match[0].strip()}"


# --- rules ----------------------------------------------------------------------------------------


@rule(
    bad=("src/wire/value.h", "#include <Python.h>\n"),
    good=("python/ext/module.cpp", "#include <Python.h>\n"),
)
def python_headers_only_in_the_extension(path: Path, text: str) -> Iterator[Finding]:
    # bench/ may hold an extension of its own, to compare with; the scenarios start interpreters.
    knowing = {("python", "ext"), ("python", "embed")}
    if is_cpp(path) and path.parts[:2] not in knowing and not plays_host(path):
        yield from findings(
            r'^\s*#\s*include\s*[<"](Python|structmember|frameobject)\.h[>"]',
            cpp_code(text),
            "the engine knows no Python",
        )


PRINTERS = {"src/cli/line_editor.cpp", "src/cli/terminal.cpp"}
PRINTING = r"""(?x)
    \bstd::(cout|cerr|clog|print|println|abort|exit|_Exit|quick_exit|terminate)\b
  | \bfmt::(print|println)\b
  | (?<![\w.>]) (printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror) \s* \(
  | (?<![\w.>]) (abort|exit|_exit|_Exit|quick_exit) \s* \(
  | (?<![\w.>]) assert \s* \(
"""


@rule(
    bad=("src/base/error.cpp", 'void f() {\n  std::cerr << "lost";\n  std::abort();\n}\n'),
    good=("src/base/error.cpp", 'void f() {\n  std::snprintf(b, 9, "exit()");  // abort()\n}\n'),
)
def the_core_never_prints_and_never_ends_the_process(path: Path, text: str) -> Iterator[Finding]:
    # The program `sinew` is what prints, in two places: results, and the line that is edited.
    if is_core(path) and path.as_posix() not in PRINTERS:
        yield from findings(PRINTING, cpp_code(text), "log through the sink, fail with an error")


@rule(
    bad=("python/ext/netref.cpp", "void f() { PyThreadState* s = PyEval_SaveThread(); }\n"),
    good=("python/ext/gil.h", "class AllowThreads { AllowThreads() { PyEval_SaveThread(); } };\n"),
)
def the_gil_is_touched_by_two_names_only(path: Path, text: str) -> Iterator[Finding]:
    homes = {"python/ext/gil.h", "python/ext/gil.cpp"}
    if is_cpp(path) and path.as_posix() not in homes and not plays_host(path):
        yield from findings(
            r"\b(PyGILState_(Ensure|Release)|PyEval_(Save|Restore|Acquire|Release)Thread"
            r"|Py_(BEGIN|END)_ALLOW_THREADS|Py_(UN)?BLOCK_THREADS|PyThreadState_Swap)\b",
            cpp_code(text),
            "use AllowThreads or AdoptThread",
        )


@rule(
    bad=("src/rpc/inbox.cpp", "std::condition_variable ready_;\n"),
    good=("src/rpc/inbox.cpp", "Parker ready_;\n"),
)
def waiting_uses_the_parker(path: Path, text: str) -> Iterator[Finding]:
    """Where no caller ever waits, only a thread of our own, the line may say `lint: own thread`."""
    if not is_core(path):
        return
    lines = text.splitlines()
    for line, message in findings(
        r"\bstd::condition_variable(_any)?\b",
        cpp_code(text),
        "a condition variable never returns on EINTR, so Ctrl-C would hang",
    ):
        if not lines[line - 1].endswith("// lint: own thread"):
            yield line, message


@rule(
    bad=("src/base/long.cpp", "\n" * 601),
    good=("src/base/long.cpp", "\n" * 600),
)
def a_file_has_at_most_600_lines(path: Path, text: str) -> Iterator[Finding]:
    lines = text.count("\n")
    if (is_source(path) or path.suffix == ".md") and lines > 600:
        yield 601, f"{lines} lines: this is more than one idea"


@rule(
    bad=("src/base/error.h", "// caf\N{LATIN SMALL LETTER E WITH ACUTE}\n"),
    good=("src/base/error.h", "// cafe\n"),
)
def sources_are_plain_ascii(path: Path, text: str) -> Iterator[Finding]:
    if is_source(path) and path.suffix not in {".py", ".pyi"}:
        yield from findings(r"[^\x00-\x7f]+", text, "not ASCII")


@rule(
    bad=("src/rpc/call.cpp", "auto f = [=] { return 1; };\n"),
    good=("src/rpc/call.cpp", "auto f = [n] { return n[1] = a[i]; };  // [=]\n"),
)
def lambdas_name_what_they_copy(path: Path, text: str) -> Iterator[Finding]:
    if is_cpp(path):
        yield from findings(r"\[\s*=\s*[\],]", cpp_code(text), "no default copy capture")


@rule(
    bad=("src/rpc/call.cpp", "// TODO: later\n"),
    good=("src/rpc/call.cpp", "// TODO(perf): batch the wake-ups.\n"),
)
def notes_say_their_kind(path: Path, text: str) -> Iterator[Finding]:
    if is_source(path) and not is_lint(path):
        yield from findings(
            r"\b(TODO(?!\((perf|test|cleanup|port|security)\): \S)|FIXME|XXX|HACK)\b.*",
            text,
            "write TODO(perf|test|cleanup|port|security): text",
        )


SLEEPS = re.compile(r"\b(time\.sleep|sleep_for|sleep_until|usleep|nanosleep|asyncio\.sleep)\b")
IMPORTED_SLEEP = re.compile(r"\bfrom (time|asyncio) import\b.*\bsleep\b")
YIELDS = re.compile(r"\basyncio\.sleep\(0\)")
WORKLOAD = re.compile(r"(//|#) lint: workload\b")


@rule(
    bad=("tests/python/test_calls.py", "time.sleep(0.1)\n"),
    good=("tests/python/test_calls.py", "conn.modules.time.sleep(1)  # lint: workload\n"),
)
def tests_do_not_sleep(path: Path, text: str) -> Iterator[Finding]:
    """To sleep until something has surely happened is slow, and fails on a busy machine."""
    if not is_test(path) or is_lint(path) or not is_source(path):
        return
    for number, line in enumerate(text.splitlines(), 1):
        code = YIELDS.sub("", line)
        if (SLEEPS.search(code) or IMPORTED_SLEEP.search(code)) and not WORKLOAD.search(line):
            yield number, f"wait for the event, or mark the line `lint: workload`: {line.strip()}"


@rule(
    bad=("docs/hacking.md", "Look into /root/.cache first.\n"),
    good=("docs/hacking.md", "Look into `~/.cache`, or at https://example.org/work/1.\n"),
)
def nothing_names_the_machine_it_was_written_on(path: Path, text: str) -> Iterator[Finding]:
    if not is_lint(path):
        yield from findings(
            r"(?<![\w.:/~}-])/(root|work|home/\w+)(?=/|\b(?![\w-]))",
            text,
            "a path of one machine",
        )


@rule(
    bad=("src/base/error.cpp", '#include <string>\n#include "base/error.h"\n'),
    good=("src/base/error.cpp", '#include "base/error.h"\n\n#include <string>\n'),
)
def a_source_includes_its_own_header_first(path: Path, text: str) -> Iterator[Finding]:
    """So that the header is seen to compile without what somebody else included before it."""
    if not is_core(path) or path.suffix != ".cpp":
        return
    includes = re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text, re.MULTILINE)
    own = path.relative_to("src").with_suffix(".h").as_posix()
    if own in includes and includes[0] != own:
        yield 1, f'"{own}" has to be the first include'


@rule(
    bad=("python/ext/state.cpp", "static PyObject* cache = nullptr;\n"),
    good=("python/ext/state.h", "struct State { PyObject* cache; };\n"),
)
def no_python_object_is_static(path: Path, text: str) -> Iterator[Finding]:
    """Module state ends with the module."""
    if is_cpp(path) and path.parts[:2] == ("python", "ext"):
        yield from findings(
            r"^\s*(static|inline|thread_local)\s[^;({]*\b(PyObject\s*\*|PyTypeObject\s*\*|PyRef\b)[^;()]*[;=]",
            cpp_code(text),
            "keep it in the module state",
        )


@rule(
    bad=("python/ext/netref.cpp", "void f(PyObject* o) {\n  Py_DECREF(o);\n}\n"),
    good=("python/ext/netref.cpp", "void netref_dealloc(PyObject* o) {\n  Py_DECREF(o);\n}\n"),
)
def references_are_dropped_by_py_ref(path: Path, text: str) -> Iterator[Finding]:
    """Reference counts kept by hand leak; only a dealloc slot has no owner to leave them to."""
    if not is_cpp(path) or path.name in {"py_ref.h", "py_ref.cpp"} or path.parts[0] != "python":
        return
    code = cpp_code(text)
    for match in re.finditer(r"\bPy_X?DECREF\b", code):
        # The nearest line before it that starts in the first column is the head of its function.
        heads = re.findall(r"^[A-Za-z].*", code[: match.start()], re.MULTILINE)
        if not heads or not re.search(r"_dealloc\b", heads[-1]):
            yield line_of(code, match.start()), f"let a PyRef own it: {match[0]}"


CALLED_BY_CPYTHON = re.compile(
    r"\{\s*Py_\w+,\s*reinterpret_cast<void\*>\((?!Py)(\w+)\)|,\s*(?!Py)(\w+),\s*METH_"
)


@rule(
    bad=(
        "python/ext/netref.cpp",
        '#include "slot.h"\nint f(PyObject* o) {\n}\n{Py_tp_x, reinterpret_cast<void*>(f)},\n',
    ),
    good=(
        "python/ext/netref.cpp",
        '#include "slot.h"\nint f(PyObject* o) noexcept {\n}\n'
        "{Py_tp_x, reinterpret_cast<void*>(f)},\n{Py_tp_y, reinterpret_cast<void*>(caught<g>)},\n",
    ),
)
def what_cpython_calls_throws_nothing(path: Path, text: str) -> Iterator[Finding]:
    """C++ exceptions cannot pass through the interpreter's frames."""
    code = cpp_code(text)
    if not is_cpp(path) or '#include "slot.h"' not in code:
        return
    for match in CALLED_BY_CPYTHON.finditer(code):
        name = match[1] or match[2]
        if not re.search(rf"\b{name}\([^)]*\) noexcept\b", code):
            yield line_of(code, match.start()), f"write caught<{name}>, or make it noexcept"
