"""What the pure peer does at its limits, and over each kind of stream."""

import gc
import os
import pickle
import socket
import subprocess
import sys
import threading

import pytest

from harness.presence import require
from harness.waiting import Worker, eventually


@pytest.fixture
def pure():
    require("ours")
    import sinew.pure as pure  # noqa: PLC0415

    return pure


@pytest.fixture
def pair(pure):
    """A function that returns a client and the service it is connected to, both in this process."""
    opened = []

    def connect(client_service=None, config=None, server_config=None, streams=None):
        ours, theirs = streams or [pure.SocketStream(sock) for sock in socket.socketpair()]
        server = pure.connect_stream(theirs, Worked(pure), server_config)
        serving = Worker(server.serve_all)
        client = pure.connect_stream(ours, client_service or pure.VoidService, config)
        opened.append((client, serving))
        return client, server

    yield connect
    for client, serving in opened:
        client.close()
        serving.result(5)


def Worked(pure):  # noqa: N802 - makes an instance of a class that needs the package
    """Return a service with something to do."""

    class Work(pure.Service):
        def exposed_back(self, value):
            return value

        def exposed_call(self, function, *args):
            return function(*args)

        def exposed_fresh(self):
            return object()

        def exposed_fresh_class(self, number):
            return type(f"Fresh{number}", (), {})()

        def exposed_count_down(self, other, left):
            return other(self.exposed_count_down, left - 1) if left else "landed"

        def exposed_take(self, data):
            return len(data)

    return Work()


def pipes(pure):
    """Return two streams over pipes that are connected to each other."""
    here_in, there_out = os.pipe()
    there_in, here_out = os.pipe()
    return pure.PipeStream(here_in, here_out), pure.PipeStream(there_in, there_out)


def test_both_sides_may_write_at_once_what_no_buffer_holds(pure, pair):
    client, server = pair(client_service=Worked(pure))
    serving = Worker(client.serve_all)
    data = bytes(8 << 20)

    def send(root):
        return [len(root.back(data)) for _ in range(3)]

    sizes = Worker(send, server.root)
    assert send(client.root) == [len(data)] * 3
    assert sizes.result() == [len(data)] * 3
    client.close()
    serving.result(5)


def test_pipes_are_streams_too(pure, pair):
    client, _ = pair(streams=pipes(pure))
    assert client.root.back("text") == "text"
    data = os.urandom(1 << 20)
    assert client.root.back(data) == data


def test_closing_wakes_a_thread_that_waits_at_a_pipe(pure, pair):
    client, server = pair(streams=pipes(pure))
    assert client.root.back(1) == 1
    server._end("cut")
    eventually(lambda: not client.poll_all() and client.closed, what="the client sees the end")


def test_descriptors_are_given_back(pure, pair):
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    client, server = pair(streams=pipes(pure))
    assert client.root.back(1) == 1
    client.close()
    eventually(lambda: server.closed, what="the server closes")
    eventually(lambda: len(os.listdir("/proc/self/fd")) == before, what="no descriptor is left")


LIMITED = [
    ("max_frame_size", 1000, lambda root: root.back(b"x" * 2000)),
    ("max_depth", 20, lambda root: root.back(deep(40))),
    ("max_int_digits", 100, lambda root: root.back(10**200)),
    ("max_exports", 5, lambda root: [root.fresh() for _ in range(10)]),
]


def deep(levels):
    value = ()
    for _ in range(levels):
        value = (value,)
    return value


@pytest.mark.parametrize(("key", "limit", "exceed"), LIMITED, ids=[row[0] for row in LIMITED])
def test_a_limit_of_the_server_is_an_error_of_the_client(pair, key, limit, exceed):
    client, server = pair(server_config={key: limit})
    with pytest.raises((ValueError, RecursionError, EOFError)) as caught:
        exceed(client.root)
    assert key in str(caught.value) + str(server.close_reason)


def test_a_client_bounds_what_it_remembers_of_classes(pair):
    client, _ = pair(config={"max_remote_classes": 3})
    made = [client.root.fresh_class(number) for number in range(6)]
    assert all("Fresh" in str(one) for one in made)
    assert len(client._classes) <= 3


def test_a_client_bounds_the_calls_without_an_answer(pure, pair):
    client, _ = pair(config={"max_pending_calls": 2})
    release = threading.Event()
    waiting = pure.async_(client.root.call)
    root = client.root  # fetched before: it needs a call of its own
    assert root is not None
    pending = [waiting(release.wait, 10) for _ in range(2)]
    with pytest.raises(ValueError, match="max_pending_calls"):
        waiting(release.wait, 10)
    release.set()
    assert [result.value for result in pending] == [True, True]


def test_calls_inside_of_each_other_have_a_limit(pair):
    client, _ = pair(server_config={"max_call_depth": 5})

    def bounce(other, left):
        return other(bounce, left - 1) if left else "landed"

    assert client.root.count_down(bounce, 4) == "landed"
    with pytest.raises(RecursionError, match="max_call_depth"):
        client.root.count_down(bounce, 40)


def test_an_expired_call_says_which_it_was(pair):
    client, _ = pair(config={"sync_request_timeout": 0.2})
    gate = threading.Event()
    with pytest.raises(TimeoutError, match=r"call was not answered within 0\.2 s"):
        client.root.call(gate.wait, 1)
    gate.set()
    client._config["sync_request_timeout"] = 10
    assert client.root.back(2) == 2


def test_nothing_is_unpickled_unless_this_side_allows_it(pure, pair):
    client, _ = pair(server_config={"allow_pickle": True})
    with pytest.raises(ValueError, match="unpickling is disabled"):
        pickle.dumps(client.root.fresh())
    client._config["allow_pickle"] = True
    remote = client.root.back([1, 2])  # our own list comes back as itself
    assert pickle.loads(pickle.dumps(remote)) == [1, 2]  # noqa: S301
    refusing, _ = pair(config={"allow_pickle": True})
    with pytest.raises(ValueError, match="pickling is disabled"):
        pickle.dumps(refusing.root.fresh())


def test_the_first_cause_is_kept(pair):
    client, server = pair()
    remote = client.root.fresh()
    server.close()
    with pytest.raises(EOFError) as first:
        repr(remote)
    with pytest.raises(EOFError) as second:
        repr(remote)
    assert str(client.close_reason) in str(first.value)
    assert str(client.close_reason) in str(second.value)


def test_proxies_that_die_in_another_thread_are_given_back(pair):
    client, server = pair()
    kept = [client.root.fresh() for _ in range(50)]
    held = len(server._exports)
    Worker(kept.clear).result()
    client.ping()
    eventually(lambda: len(server._exports) <= held - 50, what="the objects are given back")


def test_interrupting_a_wait_leaves_the_connection_usable(pure, sinew):
    program = (
        "import signal, sinew.pure as pure, socket, threading\n"
        "a, b = socket.socketpair()\n"
        "server = pure.connect_stream(pure.SocketStream(b), pure.SlaveService)\n"
        "threading.Thread(target=server.serve_all, daemon=True).start()\n"
        "conn = pure.connect_stream(pure.SocketStream(a), pure.MasterService)\n"
        "gate = threading.Event()\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.2)\n"
        "signal.signal(signal.SIGALRM, signal.default_int_handler)\n"
        "server._local_root.namespace['gate'] = gate\n"
        "try:\n"
        "    conn.execute('gate.wait(20)')\n"
        "except KeyboardInterrupt:\n"
        "    gate.set()\n"
        "    print(conn.eval('1 + 1'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
