"""The instrument: one thread for window and camera, 100 frames a second, several clients."""

import os
import re
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from harness.combos import only, ours_only
from harness.impls import extra_path
from harness.presence import require
from harness.programs import EXAMPLES, port_of
from harness.waiting import Worker, eventually

numpy = pytest.importorskip("numpy")

INSTRUMENT = EXAMPLES / "instrument"


@pytest.fixture(params=["qt", "plain"])
def loop(request):
    """Whose loop the instrument runs in: its arguments."""
    require("ours")
    if request.param == "qt":
        pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
        return ["--waiting", "100000"]  # the machine may be busy: none is lost
    return ["--waiting", "100000", "--plain"]


@pytest.fixture
def start():
    """A function that starts an instrument."""
    started = []

    def start_instrument(arguments):
        program = subprocess.Popen(
            [sys.executable, INSTRUMENT / "server.py", *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        )
        started.append(program)
        return SimpleNamespace(port=port_of(program), program=program)

    yield start_instrument
    for program in started:
        program.kill()
        sys.stderr.write(program.communicate()[1])  # shown if the test has failed


@pytest.fixture
def view():
    """A function that starts one of the viewers."""
    started = []

    def start_viewer(name, *arguments):
        # In front: the stock version of this run.
        path = os.pathsep.join([*extra_path(), os.environ.get("PYTHONPATH", "")])
        program = subprocess.Popen(
            [sys.executable, INSTRUMENT / name, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        started.append(program)
        return program

    yield start_viewer
    for program in started:
        program.kill()
        program.communicate()


class Frames:
    """What a client has got: the numbers, each checked against what is in its frame."""

    def __init__(self):
        self.numbers = []
        self.gate = threading.Event()
        self.gate.set()
        self.held = threading.Event()  # whether a frame waits at the gate

    def show(self, number, dtype, shape, data):
        frame = numpy.frombuffer(data, dtype).reshape(shape)
        assert frame[0, 0] == number % 65536
        self.numbers.append(number)
        if not self.gate.is_set():
            self.held.set()
            self.gate.wait()


@ours_only
@pytest.mark.timeout(60)
def test_a_hundred_frames_a_second_reach_a_client_of_ours_and_one_of_rpycs(impl, loop, start, view):
    port = start(loop).port
    viewers = [
        view("viewer.py", f"tcp://127.0.0.1:{port}", 200),
        view("rpyc_viewer.py", "127.0.0.1", port, 200),
    ]
    for viewer in viewers:
        text, _ = viewer.communicate(timeout=50)
        assert viewer.returncode == 0
        assert text.startswith("exposure 5.0 ms\n")
        lost, rate = re.search(r"^200 frames, (\d+) lost, (\d+) Hz", text, re.MULTILINE).groups()
        assert int(lost) == 0
        assert 20 < int(rate) < 120  # 100 on a machine that has nothing else to do


@only(server="ours")
def test_the_camera_is_set_on_its_own_thread_while_frames_are_taken(loop, start, connect_to):
    server = start(loop)
    conn, other = connect_to(server, config={"allow_setattr": True}), connect_to(server)
    frames = Frames()
    subscription = conn.root.subscribe(frames.show)
    conn.root.exposure = 8
    assert other.root.exposure == 8.0
    with pytest.raises(AttributeError):
        other.root._camera  # noqa: B018 - asked for
    serve_until(conn, lambda: len(frames.numbers) >= 20)
    subscription.stop()
    assert frames.numbers == list(range(frames.numbers[0], frames.numbers[-1] + 1))
    eventually(lambda: other.root.watchers() == 0)
    assert server.program.poll() is None


@only(server="ours")
@pytest.mark.timeout(60)
def test_a_client_that_stands_still_loses_frames_and_holds_up_nobody(start, connect_to):
    server = start(["--plain", "--waiting", "50"])
    slow, fast = connect_to(server), connect_to(server)
    seen, stuck = Frames(), Frames()
    slow.root.subscribe(stuck.show)  # which may serve a frame or two already
    fast.root.subscribe(seen.show)
    stuck.gate.clear()
    enough = threading.Event()
    slow_server = Worker(serve_until, slow, enough.is_set)
    eventually(stuck.held.is_set, 20)
    before, begin = len(stuck.numbers), len(seen.numbers)
    serve_until(fast, lambda: len(seen.numbers) > begin + 150)
    assert len(stuck.numbers) == before
    stuck.gate.set()
    eventually(lambda: len(stuck.numbers) > before + 50, 20)
    enough.set()
    slow_server.result()
    for frames in (seen, stuck):
        assert frames.numbers == sorted(set(frames.numbers))
    gaps = [b - a - 1 for a, b in zip(stuck.numbers, stuck.numbers[1:], strict=False)]
    assert gaps[before - 1] > 50  # and the newest 50 were kept
    assert sum(gaps[before : before + 49]) == 0


@ours_only
def test_a_client_that_is_killed_is_forgotten(impl, start, view):
    import sinew  # noqa: PLC0415 - only where ours is built

    server = start(["--plain"])
    uri = f"tcp://127.0.0.1:{server.port}"
    viewer = view("viewer.py", uri)
    with sinew.connect(uri) as conn:
        eventually(lambda: conn.root.watchers() == 1, 20)
        viewer.kill()
        eventually(lambda: conn.root.watchers() == 0, 20)
    assert server.program.poll() is None


def serve_until(conn, condition):
    """Run what the peer asks of this side until a condition holds."""
    while not condition():
        conn.serve(0.1)
