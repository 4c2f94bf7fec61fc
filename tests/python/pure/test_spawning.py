"""Helper processes with another Python."""

import gc
import os
import signal
import subprocess
import sys
import threading

import pytest

from harness.processes import is_gone
from harness.waiting import Stopwatch, eventually

PROGRAM = """
import sinew
conn = sinew.spawn({python!r})
print(conn.modules.os.getpid(), flush=True)
{then}
"""


@pytest.fixture
def helper(sinew, python):
    with sinew.spawn(python) as conn:
        yield conn


def test_a_helper_is_another_python(helper, python):
    version = subprocess.check_output([python, "-c", "import sys; print(sys.version)"], text=True)
    assert helper.modules.sys.version.split() == version.split()
    assert helper.modules.os.getpid() == helper.proc.pid


def test_a_helper_does_what_a_classic_server_does(helper):
    assert helper.eval("6 * 7") == 42
    helper.execute("def triple(value):\n    return 3 * value")
    assert helper.namespace["triple"]("ab") == "ababab"
    assert list(helper.builtins.map(lambda value: value * 2, (1, 2))) == [2, 4]
    assert [n for n in helper.eval("range(1000)")] == list(range(1000))  # noqa: C416 - iterates
    with helper.builtins.open(os.devnull) as file:
        assert file.read() == ""


def test_values_are_obtained_and_delivered(sinew, python):
    from sinew.rpyc.utils import classic  # noqa: PLC0415

    with sinew.spawn(python, config={"allow_pickle": True}) as conn:
        assert sinew.obtain(conn.eval("{'key': [1, 2]}")) == {"key": [1, 2]}
        delivered = classic.deliver(conn, {"other": {3}})
        assert type(delivered) is not dict
        assert conn.builtins.type(delivered).__name__ == "dict"


def test_functions_are_teleported_to_the_same_python_and_refused_by_others(sinew, python):
    from sinew.rpyc.utils import classic  # noqa: PLC0415

    def add(first, second=2, *, third=3):
        return [first + second + third for _ in range(2)]

    with sinew.spawn(python) as conn:
        if conn.eval("__import__('sys').version_info[:2]") == sys.version_info[:2]:
            remote = classic.teleport_function(conn, add)
            assert list(remote(1)) == [6, 6]
            assert list(conn.namespace["add"](1, 1, third=1)) == [3, 3]
        else:
            with pytest.raises(TypeError, match="bytecode"):
                classic.teleport_function(conn, add)


def test_an_error_there_is_an_error_here_with_its_traceback(helper):
    helper.execute("def fail():\n    raise LookupError('over there')")
    with pytest.raises(LookupError, match="over there") as caught:
        helper.namespace["fail"]()
    assert "Remote Traceback" in str(caught.value)


def test_a_helper_imports_nothing_of_ours(helper):
    loaded = sorted(name for name in list(helper.modules.sys.modules) if "sinew" in name)
    assert loaded
    assert {name.partition(".")[0] for name in loaded} == {"sinew_pure"}
    assert "sinew" not in {os.path.basename(path) for path in helper.modules.sys.path}


def test_closing_ends_the_helper(sinew, python):
    conn = sinew.spawn(python)
    conn.close()
    assert conn.proc.returncode == 0


def test_the_file_descriptors_are_given_back(sinew):
    sinew.spawn().close()
    gc.collect()  # what earlier tests have left would go in between
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        sinew.spawn().close()
    eventually(lambda: len(os.listdir("/proc/self/fd")) <= len(before))


BUSY = "conn.modules.time.sleep(600)"  # lint: workload
IDLE = "import time; time.sleep(600)"  # lint: workload


@pytest.mark.parametrize("then", [BUSY, IDLE], ids=["busy", "idle"])
def test_a_helper_dies_with_its_parent(sinew, then):
    program = PROGRAM.format(python=sys.executable, then=then)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    with parent:
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        parent.kill()
    eventually(lambda: is_gone(pid), 10, "the helper ends")


def test_a_helper_that_is_busy_ends_when_it_is_closed(sinew):
    conn = sinew.spawn()
    sinew.async_(conn.modules.time.sleep)(600)  # lint: workload
    with Timed(20):
        conn.close()
    assert conn.proc.returncode is not None


class Timed(Stopwatch):
    """Asserts that its block takes less than so many seconds."""

    def __init__(self, most):
        super().__init__()
        self._most = most

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        assert self.seconds < self._most


def test_the_death_of_a_helper_fails_the_call(sinew):
    conn = sinew.spawn()
    sleeping = sinew.async_(conn.modules.time.sleep)(600)  # lint: workload
    conn.proc.send_signal(signal.SIGKILL)
    with pytest.raises(EOFError):
        sleeping.wait()
    conn.close()


def test_output_of_a_helper_passes_through(sinew, capfd):
    with sinew.spawn() as conn:
        conn.execute("import sys\nprint('to stdout')\nprint('to stderr', file=sys.stderr)")
    out, err = capfd.readouterr()
    assert "to stdout" in out
    assert "to stderr" in err


def test_options_environment_and_folder_are_the_helpers(sinew, tmp_path):
    env = {**os.environ, "SINEW_TEST": "set"}
    with sinew.spawn(options=["-X", "dev"], env=env, cwd=tmp_path) as conn:
        assert conn.modules.sys.flags.dev_mode
        assert conn.modules.os.environ["SINEW_TEST"] == "set"
        assert conn.modules.os.path.samefile(conn.modules.os.getcwd(), str(tmp_path))


def test_the_helper_may_use_what_this_side_offers(sinew):
    class Here(sinew.rpyc.Service):
        def exposed_where(self):
            return os.getpid()

    with sinew.spawn(service=Here) as conn:
        conn.execute("def ask(conn):\n    return conn.root.where()")
        assert conn.namespace["ask"](conn.root.getconn()) == os.getpid()


def test_several_threads_share_a_helper(sinew):
    with sinew.spawn() as conn:
        double = conn.eval("lambda value: value * 2")
        results = {}

        def work(number):
            results[number] = [double(number + i) for i in range(100)]

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert results == {n: [2 * (n + i) for i in range(100)] for n in range(4)}


def test_a_python_that_is_not_there(sinew):
    with pytest.raises(FileNotFoundError, match="/no/such/python"):
        sinew.spawn("/no/such/python")


def test_a_python_that_is_too_old_says_so(sinew, old_python):
    with pytest.raises(ConnectionError, match=r"is Python [23]\.\d+.*3\.8 is the oldest"):
        sinew.spawn(old_python)


def test_a_program_that_is_no_python(sinew):
    with pytest.raises(ConnectionError, match=r"/bin/false.*ended with code 1"):
        sinew.spawn("/bin/false")


def test_a_program_that_never_answers(sinew, tmp_path):
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 600\n")
    silent.chmod(0o755)
    with Timed(10), pytest.raises(TimeoutError, match=r"did not answer within 0\.5 s"):
        sinew.spawn(silent, timeout=0.5)


def run_program(*arguments, text=""):
    return subprocess.run(
        [sys.executable, "-m", "sinew", "spawn", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_program_runs_what_it_is_given_with_a_connection(sinew, python):
    done = run_program("--python", python, "--", "-X", "dev", text="print(conn.eval('40 + 2'))\n")
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr


def test_the_program_says_what_is_wrong(sinew):
    done = run_program("--python", "/no/such/python")
    assert done.returncode == 1
    assert done.stderr == "sinew spawn: cannot start '/no/such/python': No such file or directory\n"
