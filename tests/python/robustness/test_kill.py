"""Row S20: one side dies by kill -9, at every stage of a call; nothing of it is left at the other.

The victim is a fresh process for each death. A relay between the two lets a message through up to
its middle, so that the stage is exact.
"""

import contextlib
import gc
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.combos import only
from harness.soaking import descriptor_count, thread_count
from harness.tap import Tap
from harness.waiting import Stopwatch, Worker, eventually

STAGES = ["before", "half a request", "served", "half a reply", "in a callback"]
NURSERY = Path(__file__).resolve().parent.parent / "peers" / "nursery.py"
# Of loopback: the caller is told as soon as the kernel knows.
SOON = 2.0


class Nursery:
    """Makes victims of one implementation; see peers/nursery.py."""

    def __init__(self, implementation):
        self._process = subprocess.Popen(
            [sys.executable, str(NURSERY), "--impl", implementation],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def make(self, **order):
        """Return the pid and the port of a new victim."""
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        words = self.hear()
        return words["pid"], words["port"]

    def hear(self):
        """Return the next words of the victim."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if selector.select(20) else b""
        assert line, "the victim said nothing"
        return json.loads(line)

    def close(self):
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def victims():
    """A function `victims(implementation) -> Nursery`."""
    with contextlib.ExitStack() as made:

        def make(implementation):
            return made.enter_context(contextlib.closing(Nursery(implementation)))

        yield make


class Figures:
    """How long it took until the survivor knew."""

    def __init__(self):
        self.times = []

    def __str__(self):
        times = sorted(self.times)
        return (
            f"known after {times[len(times) // 2] * 1000:.1f} ms (median), "
            f"{times[int(len(times) * 0.99)] * 1000:.0f} ms (99 of 100), {times[-1] * 1000:.0f} ms"
        )


# -- the server dies, the client is in this process ------------------------------------------


def start_call(stage, conn, watcher, tap, released):
    """Have a thread make the call that the server will not survive; return it at the stage."""
    root, entered = conn.root, threading.Event()

    def stay():
        entered.set()
        assert released.wait(20)

    if stage == "half a request":
        tap.hold_after("up", 1000)
        worker = Worker(root.size, os.urandom(4000))
        assert tap.held.wait(20)
    elif stage == "served":
        worker = Worker(root.wait, "never")
        assert watcher.root.entered("never", 20)
    elif stage == "half a reply":
        tap.hold_after("down", 1000)
        worker = Worker(root.echo, os.urandom(20_000))
        assert tap.held.wait(20)
    else:
        worker = Worker(root.call, stay)
        assert entered.wait(20)
    return worker


def survive_a_server(rpyc, nursery, stage, number, config, figures):
    """Lose a server at that stage of a call."""
    pid, port = nursery.make(role="server")
    released = threading.Event()
    tap = Tap(port, reset=number % 2 == 1)
    conn = rpyc.connect("127.0.0.1", tap.port, config=config)
    watcher = rpyc.connect("127.0.0.1", port, config=config)
    held = conn.root.lend(3)
    conn.root.keep(object())
    add = conn.root.add
    assert add(1, 2) == 3
    worker = None if stage == "before" else start_call(stage, conn, watcher, tap, released)
    watch = Stopwatch()
    os.kill(pid, signal.SIGKILL)
    if stage == "in a callback":
        eventually(lambda: watcher_is_gone(watcher), 20)  # then the callback ends
        released.set()
        watch = Stopwatch()
    with pytest.raises((EOFError, ConnectionError)):
        add(1, 2) if worker is None else worker.result(20)
    figures.times.append(watch.seconds)
    for one in (conn, watcher):
        with contextlib.suppress(EOFError, ConnectionError):
            one.close()
    tap.close()
    assert held


def watcher_is_gone(conn):
    try:
        conn.ping(timeout=5)
    except (EOFError, ConnectionError):
        return True
    return False


def holdings():
    """Return what this process holds: descriptors, threads, objects of the engine."""
    from sinew._sinew import live_counts  # noqa: PLC0415 - only where ours plays

    gc.collect()
    pid = os.getpid()
    return {
        "descriptors": descriptor_count(pid),
        "threads": threading.active_count(),
        **live_counts(),
    }


def no_more_than(before):
    """Tell whether this process holds no more than it did."""
    now = holdings()
    return all(now[name] <= before.get(name, 0) for name in now)


@only(client="ours")
@pytest.mark.soak
@pytest.mark.timeout(90)
def test_a_client_survives_the_death_of_servers(
    rpyc, victims, server_impl, combo, client_config, soak
):
    nursery, figures = victims(server_impl), Figures()
    cycles = soak.amount(40, 1000)
    for number in range(cycles + 5):
        if number == 5:  # what the first ones start is there to stay
            before = holdings()
        stage = STAGES[number % len(STAGES)]
        survive_a_server(rpyc, nursery, stage, number // len(STAGES), client_config, figures)
    eventually(lambda: no_more_than(before), 10, what=f"{before}, then {holdings()}")
    assert sorted(figures.times)[len(figures.times) // 2] < SOON
    soak.record("S20", f"{combo}: {cycles} deaths of servers, nothing left; {figures}")


# -- the client dies, the server is another process ------------------------------------------


def lose_a_client(nursery, server, watcher, stage, number, config, figures):
    """Have a client die at that stage of a call; return when the server has noticed."""
    tap = Tap(server.port, reset=number % 2 == 1)
    gate = f"{stage} {number}"
    pid, _ = nursery.make(role="client", port=tap.port, stage=stage, gate=gate, config=config)
    if stage == "half a request":
        tap.hold_after("up", 1000)
    elif stage == "half a reply":
        tap.hold_after("down", 1000)
    if stage != "before":
        os.kill(pid, signal.SIGUSR1)
    if stage == "served":
        assert watcher.root.entered(gate, 20)
    elif stage == "in a callback":
        assert nursery.hear() == {"called": True}
    elif stage != "before":
        assert tap.held.wait(20)
    watch = Stopwatch()
    os.kill(pid, signal.SIGKILL)
    watcher.root.open(gate)
    eventually(lambda: watcher.root.clients() == 1, 20)
    figures.times.append(watch.seconds)
    tap.close()


@only(server="ours")
@pytest.mark.soak
@pytest.mark.timeout(90)
def test_a_server_survives_the_death_of_clients(
    serve, connect_to, victims, combo, client_config, stock_version, soak
):
    client = combo.client if combo.client == "ours" else f"stock-{stock_version}"
    nursery, figures = victims(client), Figures()
    server = serve("deaths:deaths", fresh=True)
    watcher = connect_to(server)
    cycles = soak.amount(40, 1000)
    for number in range(cycles + 5):
        if number == 5:
            before = descriptor_count(server.pid), thread_count(server.pid)
        stage = STAGES[number % len(STAGES)]
        lose_a_client(
            nursery, server, watcher, stage, number // len(STAGES), client_config, figures
        )
    eventually(lambda: watcher.root.left() == (0, 0), 10)
    eventually(lambda: descriptor_count(server.pid) <= before[0], 10)
    eventually(lambda: thread_count(server.pid) <= before[1], 10)
    assert sorted(figures.times)[len(figures.times) // 2] < SOON
    soak.record("S20", f"{combo}: {cycles} deaths of clients, nothing left; {figures}")
