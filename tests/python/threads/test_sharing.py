"""Several threads of the client use one connection."""

import threading

import pytest

from harness.combos import only, with_pure, without_pure
from harness.waiting import Worker

pytestmark = with_pure

THREADS = 6
CALLS = 60


def run_in_threads(function, count=THREADS, limit=25):
    """Run `function(index)` in threads that start together; return the results in order."""
    start = threading.Barrier(count)

    def body(index):
        start.wait(20)
        return function(index)

    workers = [Worker(body, index) for index in range(count)]
    return [worker.result(limit) for worker in workers]


def test_each_thread_gets_its_own_replies(conn):
    add = conn.root.add

    def body(index):
        return [add(index * 1000, n) for n in range(CALLS)]

    for index, got in enumerate(run_in_threads(body)):
        assert got == [index * 1000 + n for n in range(CALLS)]


def test_attribute_access_and_calls_from_many_threads(conn):
    def body(index):
        return [conn.root.add(index, n) for n in range(CALLS)]

    for index, got in enumerate(run_in_threads(body)):
        assert got == [index + n for n in range(CALLS)]


def test_errors_reach_the_thread_that_asked(conn):
    fail, add = conn.root.fail, conn.root.add

    def body(index):
        for n in range(CALLS):
            if index % 2:
                with pytest.raises(KeyError):
                    fail()
            else:
                assert add(index, n) == index + n
        return True

    assert all(run_in_threads(body))


def test_callbacks_of_many_threads(conn):
    """A callback may run in any waiting thread, but its result goes to its own call."""
    call = conn.root.call

    def body(index):
        return [call(lambda n=n: (index, n)) for n in range(CALLS // 2)]

    for index, got in enumerate(run_in_threads(body)):
        assert got == [(index, n) for n in range(CALLS // 2)]


@only(client="ours", server="ours")
@without_pure("nested so deep that its stack ends")
@pytest.mark.soak
@pytest.mark.timeout(120)
def test_sixty_four_threads_with_callbacks(conn, soak):
    """Row S25: the server's one thread serves them inside of each other, up to 128 levels deep."""
    root, rounds = conn.root, soak.amount(5, 200)
    add, call, fail = root.add, root.call, root.fail

    def body(index):
        def back(depth):
            return index if depth == 0 else call(back, depth - 1)

        for number in range(rounds):
            assert add(index * 1000, number) == index * 1000 + number
            assert call(back, 0) == index
            assert call(back, 1) == index
            with pytest.raises(KeyError):
                call(fail)
        return index

    assert run_in_threads(body, 64, 100 + 10 * rounds) == list(range(64))
    soak.record("S25", f"64 threads, {rounds * 64 * 4} calls with callbacks, none mixed up")


def test_asynchronous_results_waited_for_in_other_threads(conn, rpyc):
    add = rpyc.async_(conn.root.add)
    results = [add(n, 1) for n in range(THREADS)]
    assert run_in_threads(lambda index: results[index].value) == [n + 1 for n in range(THREADS)]


def test_several_threads_wait_for_the_same_result(conn, helper, gate, rpyc):
    result = rpyc.async_(conn.root.wait)(gate, "shared")
    workers = [Worker(lambda: result.value) for _ in range(4)]
    helper.open(gate)
    assert [worker.result() for worker in workers] == ["shared"] * 4


def test_references_made_and_dropped_by_many_threads(classic):
    make = classic.eval

    def body(index):
        for n in range(CALLS // 2):
            items = make(f"[{index}, {n}]")
            assert (items[0], items[1]) == (index, n)
            del items
        return True

    assert all(run_in_threads(body))


def test_big_and_small_messages_from_different_threads(conn):
    echo = conn.root.echo

    def body(index):
        blob = bytes([index]) * (200_000 if index % 2 else 10)
        return all(echo(blob) == blob for _ in range(10))

    assert all(run_in_threads(body))


def test_connections_of_several_threads_are_independent(connect, helper, gate):
    """A call that waits on one connection does not hold up another."""
    waiting, busy = connect("gates:gates"), connect("gates:gates")
    worker = Worker(waiting.root.wait, gate, "free")
    assert helper.entered(gate)
    assert busy.root.add(1, 2) == 3
    helper.open(gate)
    assert worker.result() == "free"


@only(client="ours")
def test_a_time_limit_of_one_thread_does_not_disturb_another(conn, helper, gate, rpyc):
    """The first thread reads for both; when its time is up the second must go on."""
    wait = rpyc.async_(conn.root.wait)
    first, second = wait(gate, 1), wait(gate, 2)
    first.set_expiry(0.2)
    impatient, patient = Worker(lambda: first.value), Worker(lambda: second.value)
    with pytest.raises(TimeoutError):
        impatient.result()
    helper.open(gate)
    assert patient.result() == 2
