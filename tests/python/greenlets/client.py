"""A program whose threads are greenlets: runs the scenario that is named and checks its outcome.

client.py IMPLEMENTATION STOCK_VERSION PORT CONFIG SCENARIO
"""

import json
import sys
import threading
import time
from pathlib import Path

import gevent
from gevent import monkey

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness import impls

IMPLEMENTATION, STOCK_VERSION, PORT, CONFIG, SCENARIO = sys.argv[1:]
if IMPLEMENTATION == impls.STOCK:
    impls.select_stock(STOCK_VERSION)
if SCENARIO == "imported_before_the_patches":
    for name in ("core.protocol", "core.stream", "utils.helpers", "utils.server", "lib.compat"):
        impls.submodule(impls.load(IMPLEMENTATION), name)
monkey.patch_all()
rpyc = impls.load(IMPLEMENTATION)


def connect(**config):
    return rpyc.connect("127.0.0.1", int(PORT), config={**json.loads(CONFIG), **config})


def all_of(*functions):
    """Run each function in a greenlet; return their results."""
    greenlets = [gevent.spawn(function) for function in functions]
    gevent.joinall(greenlets, raise_error=True, timeout=15)
    return [greenlet.value for greenlet in greenlets]


def fifty_connections_wait_at_once():
    def use():
        with connect() as conn:
            assert conn.root.sleep(0.2) == 0.2
            return conn.root.call(lambda x: x * 2, 21)

    start = time.monotonic()
    assert all_of(*[use] * 50) == [42] * 50
    assert time.monotonic() - start < 8  # 10 s one after the other


def others_go_on_while_a_call_waits():
    ticks = []

    def tick():
        while len(ticks) < 10:
            ticks.append(time.sleep(0.01))  # lint: workload

    def call():
        with connect() as conn:
            conn.root.sleep(1)
            return len(ticks)

    assert all_of(call, tick)[0] == 10


def a_callback_may_wait_and_call():
    with connect() as conn:

        def back(n):
            time.sleep(0.05)  # lint: workload
            return conn.root.add(n, 1)

        assert conn.root.call(back, 41) == 42


def a_call_expires():
    with connect(sync_request_timeout=0.2) as conn:
        start = time.monotonic()
        try:
            conn.root.sleep(3)
        except TimeoutError:
            assert time.monotonic() - start < 2
            return
    raise AssertionError("it did not expire")


def results_come_later():
    with connect() as conn:
        told = []
        result = rpyc.async_(conn.root.sleep)(0.2)
        result.add_callback(told.append)
        assert not result.ready
        assert result.value == 0.2
        assert told == [result]


def much_data_goes_both_ways():
    data = b"0123456789" * 1_000_000
    with connect() as conn:
        assert conn.root.add(data, data) == data + data


def a_background_thread_serves():
    with connect() as conn:
        serving = rpyc.BgServingThread(conn)
        called = threading.Event()
        rpyc.async_(conn.root.call)(called.set)
        assert called.wait(5)
        serving.stop()


def many_share_a_connection():
    with connect() as conn:
        add, call = conn.root.add, conn.root.call

        def use(n):
            for i in range(5):
                assert add(n, i) == n + i
            assert call(lambda: (time.sleep(0.02), n)[1]) == n  # lint: workload
            return n

        assert all_of(*[lambda n=n: use(n) for n in range(50)]) == list(range(50))


def closing_ends_the_waits_of_others():
    conn = connect()
    conn.root.add(1, 2)

    def wait():
        try:
            conn.root.sleep(10)
        except EOFError:
            return "ended"

    def close():
        time.sleep(0.1)  # lint: workload
        conn.close()

    start = time.monotonic()
    assert all_of(wait, wait, close)[:2] == ["ended"] * 2
    assert time.monotonic() - start < 5


def threads_and_servers_of_its_own():
    with rpyc.classic.connect_thread() as conn:
        assert conn.eval("6 * 7") == 42
        assert conn.modules.os.path.join("a", "b") == "a/b"


def imported_before_the_patches():
    fifty_connections_wait_at_once()
    a_background_thread_serves()


def a_child_on_pipes_holds_nobody_up():
    ticks = []

    def tick():
        while len(ticks) < 10:
            ticks.append(time.sleep(0.01))  # lint: workload

    def call():
        with rpyc.classic.connect_subproc() as conn:
            conn.modules.time.sleep(1)  # lint: workload
            return len(ticks)

    assert all_of(call, tick)[0] == 10


globals()[SCENARIO]()
print("done")
