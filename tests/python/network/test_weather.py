"""Row S21: a line that delays, loses, repeats and reorders what it carries."""

import random

import pytest

from harness.combos import only
from harness.waiting import Stopwatch

# A peer that is silent for a second would be given up.
HEARTBEAT = 0.5
WEATHERS = {
    "far and lossy": {"delay": 0.05, "loss": 0.02},
    "out of order": {"delay": 0.005, "jitter": 0.02, "duplicate": 0.05, "loss": 0.05},
    "very far": {"delay": 0.1},
}


@pytest.fixture(params=WEATHERS)
def weather(request):
    return WEATHERS[request.param]


@pytest.fixture
def conn(line, serve_there, connect_over, weather, rpyc):
    server = serve_there(heartbeat=HEARTBEAT)
    line.weather(**weather)
    conn = connect_over(server, heartbeat=HEARTBEAT)
    conn._config["sync_request_timeout"] = 30
    background = rpyc.BgServingThread(conn)  # else nobody would answer while this side is idle
    yield conn
    background.stop()


@pytest.mark.soak
@pytest.mark.timeout(90)
def test_nothing_is_lost_and_nobody_is_taken_for_dead(conn, rpyc, soak, weather, combo):
    """Far more goes both ways than is lost; each answer is that of its own call."""
    dice = random.Random(5)
    echo = rpyc.async_(conn.root.echo)
    watch, calls = Stopwatch(), 0
    for number in soak.lasts(1, share=0.02):
        blobs = [dice.randbytes(dice.choice([1, 100, 3000, 40_000])) for _ in range(40)]
        results = [echo(blob) for blob in blobs]
        assert [result.value for result in results] == blobs
        assert conn.root.add(number, 1) == number + 1
        assert conn.root.call(lambda a, b: a * b, number, 3) == number * 3
        with pytest.raises(KeyError):
            conn.root.fail()
        calls += len(blobs) + 4
    soak.record("S21", f"{combo}, {weather}: {calls} calls in {watch.seconds:.0f} s, none wrong")


@only(client="ours")
@pytest.mark.timeout(60)
def test_a_quiet_connection_survives_the_weather(line, conn, weather):
    line.after(5 * HEARTBEAT)
    assert not conn.closed
    assert conn.root.add(1, 2) == 3
