"""A thread of the client that computes does not hold up the calls of another.

CPython gives the GIL back to who gave it up after the switch interval, 5 ms by default: a client
that gives it up for each call pays that for each (stock RPyC several times).
"""

import sys
import threading
import time

import pytest

from harness.combos import only

CALLS = 400


@pytest.fixture
def computing():
    """A thread that computes in Python until the test is over."""
    ready, stop = threading.Event(), threading.Event()

    def compute():
        ready.set()
        number = 1
        while not stop.is_set():
            for _ in range(1000):
                number = number * 3 % 1_000_003

    thread = threading.Thread(target=compute)
    thread.start()
    ready.wait()
    yield thread
    stop.set()
    thread.join()


@only(client="ours")
@pytest.mark.usefixtures("computing")
def test_calls_do_not_pay_the_switch_interval(conn):
    add = conn.root.add
    start = time.perf_counter()
    for n in range(CALLS):
        assert add(n, 1) == n + 1
    # Half of what it costs to give the GIL up each time; what is measured is a hundredth.
    assert time.perf_counter() - start < CALLS * sys.getswitchinterval() / 2


@only(client="ours")
def test_the_computing_thread_is_not_starved(conn, computing):
    """Between two instructions CPython takes the GIL from the thread that calls as from any."""
    add, clock = conn.root.add, time.pthread_getcpuclockid(computing.ident)
    before, start = time.clock_gettime(clock), time.monotonic()
    while time.monotonic() - start < 0.3:
        add(1, 1)
    assert time.clock_gettime(clock) - before > 0.03
