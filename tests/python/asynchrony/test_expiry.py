"""Time limits: of asynchronous results, of `timed`, and of synchronous requests."""

import pytest

from harness.combos import only, with_pure
from harness.waiting import Stopwatch, eventually

pytestmark = with_pure

SHORT = 0.2


def test_an_expired_result_raises_timeout(conn, helper, gate, rpyc):
    result = rpyc.async_(conn.root.wait)(gate)
    result.set_expiry(SHORT)
    watch = Stopwatch()
    with pytest.raises(rpyc.AsyncResultTimeout, match="result expired"):
        result.wait()
    assert SHORT * 0.9 <= watch.seconds < SHORT + 2
    assert result.expired
    with pytest.raises(TimeoutError):
        _ = result.value
    assert "expired" in repr(result)


@only(client="ours")
def test_an_expired_result_says_which_call_where_and_after_how_long(conn, helper, gate, rpyc):
    asked = {
        "a call of .*method": lambda: rpyc.async_(conn.root.wait)(gate),
        "a call of the method 'wait' of ": lambda: conn.async_request(
            8, conn.root, "wait", (gate,), ()
        ),
    }
    for what, ask in asked.items():
        result = ask()
        result.set_expiry(SHORT)
        text = rf"no answer within 0\.\d+ seconds to {what}.* \(.* -> .*\)"
        with pytest.raises(rpyc.AsyncResultTimeout, match=text):
            result.wait()


def test_an_expired_result_ignores_the_late_reply(conn, helper, gate, rpyc):
    result = rpyc.async_(conn.root.wait)(gate, "late")
    seen = []
    result.add_callback(seen.append)
    result.set_expiry(SHORT)
    with pytest.raises(TimeoutError):
        result.wait()
    helper.open(gate)
    assert conn.root.add(1, 2) == 3  # its reply comes after the late one
    assert seen == []
    with pytest.raises(TimeoutError):
        _ = result.value


def test_without_expiry_a_result_waits_as_long_as_it_takes(conn, helper, gate, rpyc):
    result = rpyc.async_(conn.root.wait)(gate, 1)
    assert not result.expired
    result.set_expiry(None)
    assert not result.expired
    helper.open(gate)
    assert result.value == 1


def test_a_reply_in_time_is_not_affected_by_the_limit(conn, rpyc):
    result = rpyc.async_(conn.root.add)(1, 2)
    result.set_expiry(20)
    assert result.value == 3
    assert not result.expired


def test_a_result_that_is_ready_does_not_expire(conn, rpyc):
    result = rpyc.async_(conn.root.add)(1, 2)
    result.wait()
    result.set_expiry(0)
    assert not result.expired
    assert result.value == 3


def test_timed_limits_each_call(conn, helper, gate, rpyc):
    limited = rpyc.timed(conn.root.wait, SHORT)
    with pytest.raises(rpyc.AsyncResultTimeout):
        _ = limited(gate).value
    helper.open(gate)
    assert limited(gate, 5).value == 5
    assert repr(limited).startswith("timed(")


def test_the_time_limit_of_synchronous_requests(connect, helper, gate):
    conn = connect("gates:gates", config={"sync_request_timeout": SHORT})
    wait = conn.root.wait
    watch = Stopwatch()
    with pytest.raises(TimeoutError):
        wait(gate)
    assert SHORT * 0.9 <= watch.seconds < SHORT + 2


def test_the_time_limit_is_read_at_each_call(conn, helper, gate):
    wait = conn.root.wait
    conn._config["sync_request_timeout"] = SHORT
    with pytest.raises(TimeoutError):
        wait(gate)
    conn._config["sync_request_timeout"] = None
    helper.open(gate)
    assert wait(gate, 7) == 7


def test_the_connection_lives_on_after_a_timeout(conn, helper, gate):
    wait, add = conn.root.wait, conn.root.add
    conn._config["sync_request_timeout"] = SHORT
    with pytest.raises(TimeoutError):
        wait(gate)
    helper.open(gate)
    conn._config["sync_request_timeout"] = 20
    assert add(1, 2) == 3


def test_ping_has_a_time_limit_of_its_own(conn, helper, gate, rpyc):
    busy = rpyc.async_(conn.root.wait)(gate)
    with pytest.raises(TimeoutError):
        conn.ping(timeout=SHORT)
    helper.open(gate)
    busy.wait()


def test_ping_sends_what_it_is_given(conn):
    conn.ping()
    conn.ping(b"some bytes")
    conn.ping("text", timeout=5)


def test_serving_for_a_time_ends_after_that_time(conn):
    watch = Stopwatch()
    assert conn.serve(timeout=SHORT) is False
    assert SHORT * 0.8 <= watch.seconds < SHORT + 2
    assert conn.poll() is False
    assert conn.poll_all() is False


def test_serving_handles_what_has_arrived(conn, helper, rpyc):
    result = rpyc.async_(conn.root.add)(3, 4)
    eventually(lambda: conn.serve(timeout=0.5) or result.ready)
    eventually(lambda: result.ready)
    assert result.value == 7


def test_a_raw_asynchronous_request(conn):
    """The opcode of PING is 1 on every wire."""
    assert conn.async_request(1, "echo").value == "echo"
    assert conn.sync_request(1, 5) == 5
    result = conn.async_request(1, "echo", timeout=10)
    assert result.value == "echo"
