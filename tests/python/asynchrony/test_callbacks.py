"""Calls in the other direction, while a call is under way and while none is."""

import threading

import pytest

from harness.combos import with_pure
from harness.waiting import eventually

pytestmark = with_pure


def test_the_peer_calls_a_function_of_this_side(conn):
    assert conn.root.call(lambda a, b: a * b, 6, b=7) == 42


def test_a_callback_runs_in_the_thread_that_waits(conn):
    seen = []
    conn.root.call(lambda: seen.append(threading.current_thread()))
    assert seen == [threading.current_thread()]


def test_many_callbacks_during_one_call(conn):
    seen = []

    def note(index):
        seen.append(index)
        return index

    assert conn.root.repeat(note, 200) == 199
    assert seen == list(range(200))


def test_a_callback_may_call_the_peer_again(conn):
    assert conn.root.call(lambda: conn.root.add(1, conn.root.add(2, 3))) == 6


@pytest.mark.parametrize("depth", [1, 2, 10])
def test_calls_may_nest_through_both_sides(conn, depth):
    levels = []

    def back(bounce, remaining):
        levels.append(remaining)
        return bounce(back, remaining - 1)

    assert conn.root.bounce(back, depth) == ("bottom",)
    assert levels == list(range(depth, 0, -1))


def test_bound_methods_and_classes_as_callbacks(conn):
    class Collector:
        def __init__(self, start=0):
            self.total = start

        def add(self, value):
            self.total += value
            return self.total

    collector = Collector()
    assert conn.root.call(collector.add, 5) == 5
    assert collector.total == 5
    made = conn.root.call(Collector, 3)
    assert isinstance(made, Collector)
    assert made.total == 3


def test_a_kept_callback_can_be_called_by_a_later_call(conn):
    conn.root.keep(lambda value: value + 1)
    assert conn.root.call_kept(1) == 2


def test_a_callback_on_an_idle_connection_runs_when_it_is_served(conn, helper, gate):
    seen = []
    conn.root.call_later(seen.append, gate)
    helper.open(gate)
    eventually(lambda: conn.poll(0.01) is None or seen)
    assert seen == ["later"]


def test_an_error_in_a_callback_goes_through_the_peer(conn):
    def fail():
        raise LookupError("in the callback")

    with pytest.raises(LookupError, match="in the callback"):
        conn.root.call(fail)
    assert conn.root.add(1, 1) == 2


def test_the_policy_of_this_side_guards_its_objects(conn):
    class Mine:
        exposed_shown = 1
        hidden = 2

    assert conn.root.read(Mine(), "shown") == 1
    with pytest.raises(AttributeError):
        conn.root.read(Mine(), "hidden")
    conn._config["allow_public_attrs"] = True
    assert conn.root.read(Mine(), "hidden") == 2


def test_an_asynchronous_call_whose_function_calls_back(conn, rpyc):
    seen = []
    result = rpyc.async_(conn.root.call)(seen.append, "called")
    assert result.value is None
    assert seen == ["called"]


def test_the_peer_consumes_a_local_iterable_through_its_method(conn):
    items = iter((1, 2, 3))
    assert [conn.root.call(items.__next__) for _ in range(3)] == [1, 2, 3]
