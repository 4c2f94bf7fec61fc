"""Where the interpreter itself is the trouble: at its end, and when there is more than one."""

import subprocess
import sys

import pytest

from harness.presence import require

# A daemon thread asks for the GIL while the interpreter ends: before 3.14 CPython ends it, in the
# middle of a function that the engine has called, by unwinding its stack.
ENDING = """
import os, sys, threading, time, types
import sinew.rpyc as rpyc

entered = threading.Event()

class Slow(rpyc.Connection):
    def _live_config(self, values):
        if "slow" in values:
            entered.set()
            time.sleep(0.3)  # lint: workload
            os.write(2, b"not reached")
        return super()._live_config(values)

class Service(rpyc.Service):
    _protocol = Slow

class Last:
    def __del__(self, sleep=time.sleep):  # lint: workload
        sleep(0.6)

sys.modules["keeper"] = types.ModuleType("keeper")
sys.modules["keeper"].last = Last()
conn = rpyc.connect_thread(service=Service)
threading.Thread(target=setattr, args=(conn, "_config", {"slow": True}), daemon=True).start()
entered.wait(5)
"""

SECOND = """
import sys
import sinew._sinew
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
other = interpreters.create({arguments})
outcome = interpreters.run_string(other, f"import sys; sys.path = {{sys.path}}" + '''
try:
    import sinew._sinew
except ImportError as error:
    print(type(error).__name__, error)
else:
    print("imported")
''')
assert outcome is None, outcome
interpreters.destroy(other)
"""


def run(code):
    """Run Python code in a new process; return its exit code, what it printed, its errors."""
    require("ours")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stdout.strip(), done.stderr


def test_a_thread_that_is_ended_inside_of_the_engine_does_not_crash_the_program():
    assert run(ENDING) == (0, "", "")


@pytest.mark.parametrize("arguments", ["'legacy'", ""] if sys.version_info >= (3, 13) else [""])
def test_a_second_interpreter_is_refused_with_a_sentence(arguments):
    code, printed, errors = run(SECOND.format(arguments=arguments))
    assert (code, errors) == (0, "")
    assert printed.startswith("ImportError ")
    assert "subinterpreters" in printed
