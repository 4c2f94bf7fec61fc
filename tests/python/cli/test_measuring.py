"""`sinew ping` and `bench`: figures of a server."""

import json
import re
import signal
import time

import pytest

from harness.combos import only
from harness.terminal import Terminal

pytestmark = only(client="ours")


@pytest.fixture
def uri(serve):
    return f"tcp://127.0.0.1:{serve('commands:lab').port}"


def test_ping_counts_and_sorts_round_trips(said, uri):
    first, *bins = said("ping", uri, "--count", 30, "--interval", 0).splitlines()
    assert re.match(r"30 round trips: min [\d.]+ [um]?s, median ", first)
    assert sum(int(line.split()[5]) for line in bins) == 30
    assert all("#" in line for line in bins if int(line.split()[5]))


def test_ping_as_json(said, uri):
    found = json.loads(said("ping", uri, "-c", 5, "-i", 0, "--json"))
    assert found["count"] == sum(one["count"] for one in found["histogram"]) == 5
    assert 0 < found["min_us"] <= found["p50_us"] <= found["p99_us"] <= found["max_us"]


def test_ctrl_c_ends_a_ping_and_shows_the_figures_so_far(program, uri):
    terminal = Terminal([program, "ping", uri, "--count", "0", "--interval", "0.001"])
    try:
        terminal.wait_for("1: min ")
        terminal.wait_for(": min ")  # it has gone on since
        terminal.type("\x03")
        before = terminal.wait_for(" round trips: min ")
        assert int(re.search(r"\d+$", before)[0]) >= 2
        terminal.end()
        assert terminal.process.returncode == -signal.SIGINT
    finally:
        terminal.close()


def test_a_ping_says_how_it_goes_ten_times_a_second_at_most(program, uri):
    terminal = Terminal([program, "ping", uri, "--count", "2000", "--interval", "0"])
    try:
        begin = time.monotonic()
        assert terminal.end() == 0
        most = 10 * (time.monotonic() - begin) + 2
        assert 1 <= terminal.shown.count(": min ") - 1 <= most  # one is the result's
    finally:
        terminal.close()


def test_a_ping_of_a_server_that_stands_still_is_late(complaint, serve):
    server = serve("commands:lab", fresh=True)
    server.signal(signal.SIGSTOP)
    line = complaint(3, "ping", f"127.0.0.1:{server.port}", "--timeout", 0.3)
    assert line.startswith("sinew ping: ")


def test_bench_measures_pings_and_bytes(said, uri):
    found = json.loads(said("bench", uri, "--seconds", 0.1, "--json"))
    assert found["what"] == "pings"
    assert found["per_second"] > 0
    assert found["in_flight_per_second"] > 0
    assert found["bytes_per_second_each_way"] > 0
    assert found["round_trip"]["count"] > 0


def test_bench_measures_calls(said, uri, cpp_uri):
    for place in (uri, cpp_uri):
        text = said("bench", place, "add", 1, "b=2", "--seconds", 0.1, "--in-flight", 8)
        assert re.search(r"^one after the other +\d+ calls/s", text, re.MULTILINE)
        assert re.search(r"^8 in flight +\d+ calls/s", text, re.MULTILINE)
        assert "bytes" not in text


def test_bench_of_what_fails_is_a_line(complaint, uri):
    assert "no lamp" in complaint(1, "bench", uri, "fail", "no lamp", "--seconds", 0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        ["bench", "lab-7", "--seconds", "0"],
        ["bench", "lab-7", "--in-flight", "0"],
        ["bench", "lab-7", "--size", "0"],
        ["ping", "lab-7", "--interval", "-1"],
        ["ping", "lab-7", "--count", "few"],
    ],
)
def test_what_cannot_be_measured_is_a_line(complaint, wrong):
    assert complaint(2, *wrong).startswith(f"sinew {wrong[0]}: ")
