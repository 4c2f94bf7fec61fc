"""Rows S4, S6, S7, S11, S14, S19: small messages that ask for much, and what is never loaded."""

import pickle
import subprocess
import sys
import threading
import time

import pytest

import wire
from harness.combos import only
from harness.sanitizing import weighs
from harness.soaking import memory_kib, thread_count
from harness.waiting import eventually

pytestmark = only(client="ours", server="ours")


@pytest.fixture
def server(serve):
    return serve("gates:gates")


@pytest.fixture
def brine(rpyc):
    return rpyc.core.brine


def run_with_small_stack(function):
    """Run it on a thread with 256 KiB of stack; return what it raised and its seconds."""
    outcome = []

    def body():
        begin = time.perf_counter()
        try:
            function()
        except Exception as error:
            outcome.append((error, time.perf_counter() - begin))

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    (found,) = outcome
    return found


@pytest.mark.parametrize("start", [b"\x10", b"\x11\x02", b"\x14\x01", b"\x1a\x10"], ids=bytes.hex)
@pytest.mark.soak
def test_a_million_deep_is_refused_in_no_time_and_no_stack(brine, soak, start):
    data = start * 1_000_000
    error, seconds = min(
        (run_with_small_stack(lambda: brine.load(data)) for _ in range(5)), key=lambda pair: pair[1]
    )
    assert isinstance(error, (ValueError, RecursionError, TypeError, EOFError))
    assert seconds < soak.amount(0.05, 0.001)
    soak.record("S6", f"10**6 deep ({start.hex()}): refused in {seconds * 1e6:.0f} us")


COUNTS = {
    "tuple": b"\x15\x7f\xff\xff\xff",
    "bytes": b"\x0f\x7f\xff\xff\xff",
    "text": b"\x08\x0f\x7f\xff\xff\xff",
    "integer": b"\x17\x7f\xff\xff\xff",
    "many empty ones": b"\x15\x7f\xff\xff\xff" + b"\x02" * 1000,
    "tuples of such": b"\x15\x7f\xff\xff\xff" * 50,
}


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.soak
def test_a_count_beyond_the_bytes_is_refused_in_no_time(brine, soak, name):
    data, times = COUNTS[name], []
    for _ in range(20):
        begin = time.perf_counter()
        with pytest.raises((ValueError, EOFError, TypeError)):
            brine.load(data)
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.001
    soak.record("S7", f"2**31 of {name}: refused in {min(times) * 1e6:.0f} us")


def test_what_is_sent_is_not_compressed(server):
    """Row S4: compression is off, so that no secret leaks through sizes."""
    with wire.Raw(server.port) as client:
        client.ask(0, wire.PING, wire.boxed("x"))
        client.send(wire.request(1, wire.PING, wire.boxed(b"a" * 100_000)))
        header = client._read(5)
    assert int.from_bytes(header[:4], "big") > 100_000
    assert header[4] == 0


@pytest.mark.parametrize("count", [2, 1 << 32, (1 << 63) - 1])
def test_taking_back_more_than_was_lent_ends_nobody_elses_use(serve, connect_to, count):
    """Row S11."""
    server = serve("lifetime:tracker")
    honest = connect_to(server)
    kept = honest.root.make()
    with wire.Raw(server.port) as thief:
        root = thief.root()
        for seq in range(1, 200):
            thief.send(wire.request(seq, wire.DEL, (wire.LOCAL_REF, root), wire.boxed(count)))
            assert thief.reply()[1] == seq
    assert str(kept)
    assert honest.root.living() >= 1


@weighs
def test_sending_the_same_object_back_and_forth_does_not_grow(serve, connect_to):
    """Row S11: a count that only goes up is a number, not memory."""
    server = serve("limits:greedy", fresh=True)
    with wire.Raw(server.port) as client:
        root = client.root()
        client.ask(1, wire.PING, (wire.LOCAL_REF, root))
        memory = memory_kib(server.pid)
        for seq in range(2, 5002):
            _, _, body = client.ask(seq, wire.PING, (wire.LOCAL_REF, root))
            assert body == (wire.REMOTE_REF, root)
        assert memory_kib(server.pid) < memory + 1024


def test_serving_and_calling_import_no_pickle():
    """Row S14: in a process that serves and calls, with the default configuration."""
    program = """
import sys
import sinew, sinew.rpyc as rpyc
class S(rpyc.Service):
    def exposed_f(self, x): return [x]
    def exposed_fail(self): raise ValueError(1)
server = rpyc.ThreadedServer(S, "localhost")
server._start_in_thread()
with rpyc.connect("localhost", server.port) as conn:
    assert list(conn.root.f(1)) == [1]
    try: conn.root.fail()
    except ValueError: pass
server.close()
print(*(name for name in ("pickle", "_pickle", "dill", "shelve") if name in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=20, check=True
    )
    assert done.stdout.strip() == ""


def test_obtaining_unpickles_nothing_by_default(connect):
    conn = connect("limits:greedy")
    with pytest.raises(Exception, match=r"allow_pickle|pickling"):
        pickle.loads(pickle.dumps(conn.root.iterator(3)))  # noqa: S301 - that is the question


def test_calls_back_and_forth_end_at_a_depth_and_leave_no_threads(serve, connect_to):
    """Row S19."""
    server = serve("limits:greedy", fresh=True, config={"max_call_depth": 50})
    conn = connect_to(server)
    conn.root.add(1, 2)
    threads = thread_count(server.pid)

    def again(n):
        return conn.root.call(again, n + 1)

    for _ in range(20):
        with pytest.raises(RecursionError):
            conn.root.call(again, 0)
    assert conn.root.add(1, 2) == 3
    eventually(lambda: thread_count(server.pid) <= threads)
