"""`async_` and its results."""

import pytest

from harness.combos import with_pure, without_pure
from harness.waiting import Stopwatch, eventually

pytestmark = with_pure


def test_an_asynchronous_call_returns_at_once(conn, helper, gate, rpyc):
    wait = rpyc.async_(conn.root.wait)
    watch = Stopwatch()
    result = wait(gate, "value")
    assert watch.seconds < 1
    assert not result.ready
    helper.open(gate)
    assert result.value == "value"
    assert result.ready
    assert not result.error


def test_the_value_waits_for_the_reply(conn, rpyc):
    assert rpyc.async_(conn.root.add)(1, b=2).value == 3


def test_wait_returns_nothing_and_makes_the_result_ready(conn, rpyc):
    result = rpyc.async_(conn.root.add)(1, 2)
    assert result.wait() is None
    assert result.ready
    assert result.value == 3
    assert result.value == 3


def test_an_error_is_raised_by_the_value_and_told_by_error(conn, rpyc):
    result = rpyc.async_(conn.root.fail)()
    result.wait()
    assert result.ready
    assert result.error
    for _ in range(2):
        with pytest.raises(KeyError):
            _ = result.value


def test_results_are_independent_of_the_order_of_asking(conn, rpyc):
    add = rpyc.async_(conn.root.add)
    results = [add(n, n) for n in range(100)]
    assert [r.value for r in reversed(results)] == [2 * n for n in reversed(range(100))]


def test_calls_of_one_client_are_executed_in_order(conn, rpyc):
    note = rpyc.async_(conn.root.note)
    results = [note(n) for n in range(200)]
    assert conn.root.notes() == tuple(range(200))
    assert all(r.value is None for r in results)


def test_asking_whether_it_is_ready_serves_the_connection(conn, rpyc):
    result = rpyc.async_(conn.root.add)(2, 2)
    eventually(lambda: result.ready)
    assert result.value == 4


def test_a_callback_gets_the_result_itself(conn, rpyc):
    seen = []
    result = rpyc.async_(conn.root.add)(1, 1)
    result.add_callback(seen.append)
    result.wait()
    assert seen == [result]


def test_callbacks_run_in_the_order_of_adding(conn, rpyc):
    seen = []
    result = rpyc.async_(conn.root.add)(1, 1)
    for number in range(3):
        result.add_callback(lambda r, n=number: seen.append(n))
    result.wait()
    assert seen == [0, 1, 2]


def test_a_callback_added_after_the_reply_runs_at_once(conn, rpyc):
    seen = []
    result = rpyc.async_(conn.root.add)(1, 1)
    result.wait()
    result.add_callback(lambda r: seen.append(r.value))
    assert seen == [2]


def test_a_callback_runs_for_errors_too(conn, rpyc):
    seen = []
    result = rpyc.async_(conn.root.fail)()
    result.add_callback(lambda r: seen.append(r.error))
    result.wait()
    assert seen == [True]


def test_a_callback_may_use_the_connection(conn, rpyc):
    seen = []
    result = rpyc.async_(conn.root.add)(1, 1)
    result.add_callback(lambda r: seen.append(conn.root.add(r.value, 1)))
    result.wait()
    eventually(lambda: seen == [3])


def test_a_forgotten_result_does_no_harm(conn, rpyc):
    add = rpyc.async_(conn.root.add)
    for n in range(50):
        add(n, n)
    assert conn.root.add(1, 2) == 3


def test_references_as_results(classic, rpyc):
    result = rpyc.async_(classic.builtins.list)((1, 2, 3))
    assert list(result.value) == [1, 2, 3]


def test_only_callable_netrefs_can_be_called_asynchronously(classic, rpyc):
    for wrong in (len, 3, None, "text"):
        with pytest.raises(TypeError):
            rpyc.async_(wrong)


@without_pure("its wrappers are not kept")
def test_the_wrapper_of_one_netref_is_kept_while_it_lives(conn, rpyc):
    add = conn.root.add
    assert rpyc.async_(add) is rpyc.async_(add)


@without_pure("its wrappers are not kept")
def test_the_wrapper_and_its_own_wrapper_are_the_same(conn, rpyc):
    add = rpyc.async_(conn.root.add)
    assert rpyc.async_(add)(1, 2).value == 3


@without_pure("the name async")
def test_the_old_name_is_still_there(conn, rpyc):
    assert getattr(rpyc, "async")(conn.root.add)(1, 2).value == 3


def test_the_text_of_a_wrapper_and_of_results(conn, helper, gate, rpyc):
    wait = rpyc.async_(conn.root.wait)
    assert repr(wait).startswith("async_(")
    pending = wait(gate, 1)
    assert "AsyncResult object (pending)" in repr(pending)
    helper.open(gate)
    pending.wait()
    assert "AsyncResult object (ready)" in repr(pending)
    failed = rpyc.async_(conn.root.fail)()
    failed.wait()
    assert "AsyncResult object (ready)" in repr(failed)


def test_a_result_is_of_the_public_class(conn, rpyc):
    assert isinstance(rpyc.async_(conn.root.add)(1), rpyc.AsyncResult)
