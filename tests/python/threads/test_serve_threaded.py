"""One connection served by several threads at once: `conn.serve_threaded(count)`."""

import threading

import pytest

from harness.combos import only, stock_bug
from harness.waiting import Worker, eventually

THREADS = 3


@pytest.fixture
def busy(conn, helper, gate):
    """A function `busy(function, times, threads)`.

    It has the server call `function("later")` that many times at once, each from a thread of its
    own, while `threads` threads serve here; it returns the thread that `serve_threaded` runs in.
    """

    def start(function, times, threads=THREADS):
        for _ in range(times):
            conn.root.call_later(function, gate)
        serving = Worker(conn.serve_threaded, threads)
        helper.open(gate)
        return serving

    return start


class Crowd:
    """A function that counts how many threads are in it; each waits until `size` of them are."""

    def __init__(self, size, patience=5):
        self._barrier = threading.Barrier(size, timeout=patience)
        self._lock = threading.Lock()
        self._inside = 0
        self.most = self.done = 0
        self.threads = set()

    def enter(self, _):
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
            self.threads.add(threading.current_thread())
        self._barrier.wait()
        with self._lock:
            self._inside -= 1
            self.done += 1


# Threads of stock that wait for their turn to read are woken when a request has been served, not
# when its serving begins: whether two are served at once depends on who came when.
one_by_one = "serve() notifies the other threads only behind _dispatch()"


@stock_bug(one_by_one, client="stock", strict=False)
def test_requests_are_served_at_the_same_time(busy, combo):
    patience = 5 if combo.client == "ours" else 0.5
    crowd = Crowd(THREADS, patience)
    busy(crowd.enter, THREADS)
    eventually(lambda: crowd.done == THREADS, patience)


@only(client="ours")  # one_by_one
def test_there_are_as_many_threads_as_asked_for(busy):
    """Six requests, each waiting for another: two threads serve them two by two."""
    crowd = Crowd(2)
    busy(crowd.enter, 6, threads=2)
    eventually(lambda: crowd.done == 6)
    assert crowd.most == 2
    assert len(crowd.threads) == 2
    assert threading.current_thread() not in crowd.threads


@only(client="ours")  # one_by_one
def test_ten_threads_serve_by_default(conn, helper, gate):
    crowd = Crowd(10)
    for _ in range(10):
        conn.root.call_later(crowd.enter, gate)
    Worker(conn.serve_threaded)
    helper.open(gate)
    eventually(lambda: crowd.done == 10)


def test_an_error_of_one_request_leaves_the_others_alone(busy):
    turn = threading.Semaphore(0)
    calls = []

    def fail_first(_):
        calls.append(None)
        turn.release()
        if len(calls) == 1:
            raise LookupError("only this one")

    serving = busy(fail_first, 5, threads=2)
    for _ in range(5):
        assert turn.acquire(timeout=5)
    assert serving.is_alive()


def test_serving_ends_when_this_side_closes(conn, busy):
    served = threading.Event()
    serving = busy(lambda _: served.set(), 1)
    assert served.wait(5)
    conn.close()
    assert serving.result() is None
    assert conn.closed


def test_serving_ends_when_the_server_dies(serve, connect_to):
    server = serve("gates:gates", fresh=True)
    conn = connect_to(server)
    conn.root.add(1, 2)
    serving = Worker(conn.serve_threaded, THREADS)
    eventually(serving.is_alive)
    server.stop()
    assert serving.result() is None
    assert conn.closed


# Stock warns of it: a thread that serves may take the answer from the one that waits for it (#345).
@only(client="ours")
def test_other_threads_may_call_meanwhile(conn, busy):
    served = threading.Event()
    busy(lambda _: served.set(), 1)
    assert [conn.root.add(n, 1) for n in range(100)] == list(range(1, 101))
    assert conn.root.call(lambda: "called back") == "called back"
    assert served.wait(5)


@only(client="ours")
def test_a_request_that_is_served_may_call_the_peer(conn, busy):
    """With all the threads in such a request at once, each gets its own answer."""
    together = threading.Barrier(THREADS)
    results = []

    def ask(_):
        together.wait(5)
        results.append(conn.root.add(len(results), 1000) >= 1000)

    busy(ask, THREADS)
    eventually(lambda: len(results) == THREADS)
    assert all(results)
