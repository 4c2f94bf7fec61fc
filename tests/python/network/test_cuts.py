"""A cable is pulled out, or a network falls apart, and each side notices."""

import re

import pytest
import sinew

from harness.combos import only
from harness.waiting import Stopwatch, Worker, eventually

INTERVAL = 0.5
QUICK = {"heartbeat": INTERVAL, "sync_request_timeout": None}
# Two intervals; the rest is for a machine that is busy.
SOON = 2 * INTERVAL + 2
BOTH_ENDS = r"10\.77\.0\.1:\d+ -> 10\.77\.0\.2:\d+"


def meet(conn):
    """Have the two agree on what they extend."""
    conn.ping()
    conn.ping()


def waiting_calls(conn, watcher, gate, count=1):
    """Return threads that wait for calls, of which the server has begun one."""
    wait = conn.root.wait
    workers = [Worker(wait, gate) for _ in range(count)]
    assert watcher.root.entered(gate)
    return workers


@only(client="ours")
@pytest.mark.parametrize("how", ["pull", "cut"])
def test_calls_in_flight_fail_with_the_cause_and_both_ends(line, serve_there, connect_over, how):
    server = serve_there()
    conn, watcher = connect_over(server, **QUICK), connect_over(server, nearby=True)
    meet(conn)
    workers = waiting_calls(conn, watcher, "never", 3)
    watch = Stopwatch()
    getattr(line, how)()
    for worker in workers:
        with pytest.raises(EOFError, match=BOTH_ENDS):
            worker.result(SOON)
    assert watch.seconds < SOON
    assert re.search(BOTH_ENDS, conn.close_reason)
    with pytest.raises(EOFError) as caught:
        conn.root.add(1, 2)
    assert conn.close_reason in str(caught.value), "the first cause is the last"


@only(client="ours")
def test_a_client_that_does_nothing_notices(line, serve_there, connect_over):
    conn = connect_over(serve_there(), **QUICK)
    meet(conn)
    line.pull()
    eventually(lambda: conn.closed, SOON)
    assert re.search(BOTH_ENDS, conn.close_reason)


@only(server="ours")
def test_a_server_lets_go_of_a_client_behind_a_cut(line, serve_there, connect_over):
    server = serve_there(heartbeat=INTERVAL)
    watcher, conn = connect_over(server, nearby=True), connect_over(server)
    meet(conn)
    assert watcher.root.clients() == 2
    line.pull()
    eventually(lambda: watcher.root.clients() == 1, SOON)


@only(client="ours")
def test_a_client_notices_while_it_sends(line, serve_there, connect_over, rpyc):
    """What fills the buffers is not what decides."""
    conn = connect_over(serve_there(), **QUICK)
    meet(conn)
    size = rpyc.async_(conn.root.size)

    def send_much():
        for _ in range(20):
            size(bytes(1 << 20))

    line.cut()
    watch = Stopwatch()
    with pytest.raises(EOFError, match=BOTH_ENDS):
        send_much()
    assert watch.seconds < SOON


@only(client="ours")
def test_a_deadline_holds_behind_a_cut(line, serve_there, connect_over):
    conn = connect_over(serve_there(), heartbeat=None)
    add = conn.root.add
    line.cut()
    watch = Stopwatch()
    with pytest.raises(TimeoutError), sinew.deadline(0.5):
        add(1, 2)
    assert 0.4 < watch.seconds < 2
    line.heal()
    assert add(3, 4) == 7


@only(client="ours")
def test_closing_behind_a_cut_does_not_wait_long(line, serve_there, connect_over):
    conn = connect_over(serve_there(), heartbeat=None, close_timeout=0.5)
    meet(conn)
    line.cut()
    watch = Stopwatch()
    conn.close()
    assert watch.seconds < 2


@only(client="ours", server="ours")
def test_connecting_to_a_black_hole_takes_as_long_as_it_may(line, serve_there):
    server = serve_there()
    line.cut()
    watch = Stopwatch()
    with line.here, pytest.raises(TimeoutError, match=r"10\.77\.0\.2"):
        sinew.connect(f"tcp://{line.there.address}:{server.port}", timeout=0.5)
    assert watch.seconds < 3


def test_a_short_cut_heals_without_an_error(line, serve_there, connect_over):
    """A fourth of what ours wait for; TCP repeats what was lost."""
    server = serve_there(heartbeat=2)
    watcher, conn = connect_over(server, nearby=True), connect_over(server, heartbeat=2)
    meet(conn)
    (worker,) = waiting_calls(conn, watcher, "short")
    line.cut()
    watcher.root.open("short")
    assert worker.is_alive()
    line.cut(seconds=1)
    worker.result(15)
    assert conn.root.add(1, 2) == 3


@only(client="ours")
@pytest.mark.soak
@pytest.mark.timeout(60)
def test_it_comes_back_after_each_long_cut(line, serve_there, client_config, soak):
    server = serve_there(heartbeat=0.3)
    with line.here:
        conn = sinew.connect(
            f"tcp://{line.there.address}:{server.port}",
            timeout=2,
            config={**client_config, "heartbeat": 0.3},
            reconnect=sinew.Backoff(first=0.05, most=0.2),
        )
    cuts = soak.amount(1, 100)
    with conn:
        for epoch in range(1, cuts + 1):
            assert conn.root.add(epoch, 1) == epoch + 1
            assert conn.epoch == epoch
            old = conn.root
            line.cut()
            eventually(lambda: not conn.connected, 20)
            line.heal()
            eventually(lambda epoch=epoch: conn.epoch == epoch + 1, 30)
            with pytest.raises(sinew.StaleReference):
                old.add(1, 2)
    soak.record("S21", f"{cuts} cuts longer than the limit: came back after each")
