"""Connecting through ssh to a host that has a Python and nothing else; with a real sshd."""

import os
import signal
import subprocess
import sys

import pytest

from harness.processes import is_gone
from harness.waiting import Stopwatch, eventually

HOLD = """
def hold(path):
    open(path, "w").close()
    import time
    time.sleep(600)  # lint: workload
"""

INTERRUPTED = """
import sinew
conn = sinew.connect({uri!r}, ssh_options={options!r})
conn.execute({hold!r})
print(conn.modules.os.getpid(), flush=True)
try:
    conn.namespace["hold"]({path!r})
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(conn.closed, flush=True)
"""


@pytest.fixture
def connect(sinew, sshd_server):
    """A function that connects through ssh; `uri` may name a Python."""
    opened = []

    def through_ssh(path="", options=None, **more):
        uri = f"ssh://{sshd_server.user}@127.0.0.1:{sshd_server.port}{path}"
        options = sshd_server.options if options is None else options
        opened.append(sinew.connect(uri, ssh_options=options, **more))
        return opened[-1]

    yield through_ssh
    for conn in opened:
        conn.close()


def test_a_host_is_driven_without_anything_installed(connect, python):
    conn = connect(python)
    version = subprocess.check_output([python, "-c", "import sys; print(sys.version)"], text=True)
    assert conn.modules.sys.version.split() == version.split()
    assert conn.eval("6 * 7") == 42
    assert "SSH_CONNECTION" in list(conn.modules.os.environ)
    assert conn.modules.os.getpid() != os.getpid()


def test_python3_is_what_runs_if_none_is_named(connect):
    assert connect().modules.sys.version_info[0] == 3


def test_callbacks_and_large_data_go_through_ssh(connect):
    conn = connect()
    assert list(conn.builtins.map(len, ("a", "bb"))) == [1, 2]
    data = os.urandom(1 << 20)
    assert conn.builtins.bytes(conn.builtins.bytearray(data)) == data


def test_an_error_there_is_an_error_here(connect):
    with pytest.raises(FileNotFoundError) as caught:
        connect().builtins.open("/no/such/file")
    assert "Remote Traceback" in str(caught.value)


def test_closing_ends_the_remote_process_and_ssh(connect):
    conn = connect()
    pid = conn.modules.os.getpid()
    conn.close()
    assert conn.proc.returncode == 0
    eventually(lambda: is_gone(pid), 10, "the remote process ends")


def test_losing_ssh_ends_a_busy_remote_process(connect, sinew):
    conn = connect()
    pid = conn.modules.os.getpid()
    sleeping = sinew.async_(conn.modules.time.sleep)(600)  # lint: workload
    conn.proc.kill()
    with pytest.raises(EOFError):
        sleeping.wait()
    eventually(lambda: is_gone(pid), 10, "the remote process ends")


def test_a_connection_through_ssh_may_come_back(connect, sinew):
    conn = connect(reconnect=sinew.Backoff(first=0.05, most=0.2))
    first = conn.modules.os.getpid()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: pid_over_there(conn) not in (None, first), 15, "it is back")


def pid_over_there(conn):
    """Return the process that serves a connection, None while there is none."""
    try:
        return conn.modules.os.getpid()
    except (EOFError, OSError):
        return None


def test_output_there_on_standard_output_does_not_disturb(connect, capfd):
    conn = connect()
    conn.execute("import os\nprint('printed')\nos.system('echo by a child')")
    assert conn.eval("1 + 1") == 2
    conn.close()
    assert "by a child" in capfd.readouterr().err


def test_ctrl_c_ends_the_wait_and_not_the_connection(sinew, sshd_server, tmp_path):
    begun = tmp_path / "begun"
    uri = f"ssh://{sshd_server.user}@127.0.0.1:{sshd_server.port}"
    program = INTERRUPTED.format(uri=uri, options=sshd_server.options, hold=HOLD, path=str(begun))
    # A session, and so a process group of its own: what a terminal sends Ctrl-C to, with children.
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with process:
        pid = int(process.stdout.readline())
        eventually(begun.exists, 10, "the remote call runs")
        watch = Stopwatch()
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert watch.seconds < 2
        assert process.stdout.readline() == "False\n"
    eventually(lambda: is_gone(pid), 15, "the remote process ends")


def test_no_key_that_is_let_in(connect, sshd_server):
    with pytest.raises(ConnectionError, match="Permission denied"):
        connect(options=sshd_server.options_with(key="other_key"))


def test_a_host_key_that_nobody_knows(connect, sshd_server):
    with pytest.raises(ConnectionError, match="Host key verification failed"):
        connect(options=sshd_server.options_with(known_hosts="no_hosts"))


def test_nobody_listens(sinew, tmp_path):
    with pytest.raises(ConnectionError, match=r"ssh://127\.0\.0\.1:1 gave no .*refused"):
        sinew.connect("ssh://127.0.0.1:1")


def test_no_such_python(connect):
    with pytest.raises(ConnectionError, match="no '/no/such/python' to run"):
        connect("/no/such/python")


def test_a_python_that_is_too_old(connect, old_python):
    with pytest.raises(ConnectionError, match=r"3\.8 is the oldest"):
        connect(old_python)


def test_errors_are_one_sentence(connect):
    with pytest.raises(ConnectionError) as caught:
        connect("/no/such/python")
    assert "\n" not in str(caught.value)


def test_no_ssh_on_this_side(sinew):
    import sinew.ssh as ssh  # noqa: PLC0415

    with pytest.raises(FileNotFoundError, match="cannot start '/no/such/ssh'"):
        ssh.connect("localhost", ssh="/no/such/ssh")


@pytest.mark.parametrize(
    "uri",
    ["ssh://", "ssh://-oProxyCommand=x", "ssh://a b@host", "ssh://u:secret@host", "ssh://h:x"],
)
def test_addresses_that_make_no_sense(sinew, uri):
    with pytest.raises(ValueError, match=r"ssh://user@host"):
        sinew.connect(uri)


def test_options_of_ssh_need_ssh(sinew):
    with pytest.raises(ValueError, match="ssh_options need ssh"):
        sinew.connect("tcp://localhost", ssh_options=["-v"])


def test_nobody_can_serve_at_ssh(sinew):
    class Thing:
        @sinew.expose
        def act(self):
            return 1

    with pytest.raises(ValueError, match="ssh:// is for connecting"):
        sinew.serve(Thing(), "ssh://host")
