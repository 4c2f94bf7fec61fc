"""sinew.connect(..., reconnect=Backoff()): a connection that comes back."""

import contextlib
import os
import signal
import socket
import sys
import threading
import traceback

import pytest
import sinew

from harness.combos import only, ours_only
from harness.waiting import Stopwatch, Worker, eventually

SERVICE = "labour:labour"
QUICK = sinew.Backoff(first=0.01, most=0.1)


class Gate:
    """Forwards TCP connections to a port; `cut()` ends all of them, as a network may."""

    def __init__(self, port):
        self._to = port
        self._pairs = []
        self._lock = threading.Lock()
        self._open()

    def _open(self, port=0):
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            with self._lock:
                self._pairs.append((client, server))
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for sock in (sock for pair in pairs for sock in pair):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def shut(self):
        """Refuse new connections and cut the others."""
        with contextlib.suppress(OSError):  # shut already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def reopen(self):
        self._open(self.port)


def names_of(frame):
    """Return the names of the functions on a stack."""
    return {one.f_code.co_name for one, _ in traceback.walk_stack(frame)}


def ask(conn):
    return conn.root.nothing()


@pytest.fixture
def gate(serve):
    gate = Gate(serve(SERVICE).port)
    yield gate
    gate.shut()


@pytest.fixture
def conn(gate, client_config):
    conn = sinew.connect(f"tcp://127.0.0.1:{gate.port}", reconnect=QUICK, config=client_config)
    ask(conn)  # it has come through the gate
    yield conn
    conn.close()


@only(client="ours")
def test_it_comes_back_a_hundred_times(conn, gate):
    for epoch in range(1, 101):
        assert conn.root.nothing() is None
        assert conn.epoch == epoch
        gate.cut()
        eventually(lambda epoch=epoch: conn.epoch == epoch + 1)


@only(client="ours")
@pytest.mark.soak
def test_a_stale_object_is_told_from_the_one_that_took_its_place(conn, gate, soak):
    assert issubclass(sinew.StaleReference, EOFError)
    epochs, uses = soak.amount((1, 1000), (100, 10_000))
    for epoch in range(1, epochs + 1):
        old = conn.root
        assert old.nothing() is None
        gate.cut()
        eventually(lambda epoch=epoch: conn.epoch == epoch + 1)
        assert sum(is_stale(old) for _ in range(uses)) == uses
        with pytest.raises(sinew.StaleReference, match="fetch it again"):
            old.nothing()
        assert conn.root is not old
        assert conn.root.nothing() is None
    soak.record(
        "S12", f"{epochs * uses} uses of stale objects of {epochs} epochs, none reached another"
    )


def is_stale(netref):
    try:
        netref.nothing()
    except sinew.StaleReference:
        return True
    return False


@only(client="ours")
def test_a_call_in_flight_fails_with_the_first_cause(conn, gate):
    worker = Worker(conn.root.spin_for, 20)
    assert conn.root is not None
    eventually(lambda: conn.current().counts()["imports"] > 0)
    gate.cut()
    with pytest.raises(EOFError) as caught:
        worker.result()
    assert not isinstance(caught.value, sinew.StaleReference)
    assert str(gate.port) in str(caught.value), "where"


@only(client="ours")
def test_what_is_asked_while_it_is_away_waits(conn, gate):
    assert conn.root.nothing() is None
    gate.shut()
    eventually(lambda: not conn.connected)
    worker = Worker(ask, conn)
    assert worker.is_alive()
    gate.reopen()
    assert worker.result() is None
    assert conn.epoch == 2


@only(client="ours")
def test_a_deadline_limits_the_waiting(conn, gate):
    gate.shut()
    eventually(lambda: not conn.connected)
    watch = Stopwatch()
    with pytest.raises(TimeoutError, match="no connection to"), sinew.deadline(0.3):
        conn.root.nothing()
    assert 0.2 < watch.seconds < 2


@only(client="ours")
def test_patience_limits_the_waiting(gate, client_config):
    impatient = sinew.Backoff(first=0.05, most=0.2, patience=0.3)
    uri = f"tcp://127.0.0.1:{gate.port}"
    with sinew.connect(uri, reconnect=impatient, config=client_config) as conn:
        ask(conn)
        gate.shut()
        eventually(lambda: not conn.connected)
        watch = Stopwatch()
        with pytest.raises(EOFError, match="no connection to"):
            ask(conn)
        assert 0.2 < watch.seconds < 5
        gate.reopen()
        eventually(lambda: conn.connected)
        ask(conn)


@only(client="ours")
def test_the_program_is_told(gate, client_config):
    told = []
    conn = sinew.connect(
        f"tcp://127.0.0.1:{gate.port}",
        config=client_config,
        reconnect=QUICK,
        on_lost=lambda conn, cause: told.append(("lost", conn.epoch, cause)),
        on_restored=lambda conn: told.append(("restored", conn.epoch)),
    )
    with conn:
        conn.root.nothing()
        gate.cut()
        eventually(lambda: len(told) == 2)
        lost, restored = told
        assert lost[:2] == ("lost", 1)
        assert str(gate.port) in lost[2]
        assert restored == ("restored", 2)


@only(client="ours")
def test_a_callback_that_raises_stops_nothing(gate, client_config, monkeypatch):
    raised = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    conn = sinew.connect(
        f"tcp://127.0.0.1:{gate.port}",
        config=client_config,
        reconnect=QUICK,
        on_lost=lambda _conn, _cause: 1 / 0,
    )
    with conn:
        ask(conn)
        gate.cut()
        eventually(lambda: conn.epoch == 2)
        assert conn.root.nothing() is None
    assert [details.exc_type for details in raised] == [ZeroDivisionError]


@only(client="ours")
def test_an_on_disconnect_that_raises_stops_nothing(gate, client_config, monkeypatch):
    import sinew.rpyc as ours  # noqa: PLC0415

    class Service(ours.VoidService):
        def on_disconnect(self, conn):
            if not reported:
                raise ZeroDivisionError("mine")

    reported = []
    monkeypatch.setattr(threading, "excepthook", lambda args: reported.append(args.exc_type))
    uri = f"tcp://127.0.0.1:{gate.port}"
    with sinew.connect(uri, Service, config=client_config, reconnect=QUICK) as conn:
        ask(conn)
        gate.cut()
        eventually(lambda: conn.epoch == 2)
        ask(conn)
        assert reported == [ZeroDivisionError]


@only(client="ours")
def test_a_try_that_fails_in_any_way_is_followed_by_another(gate, client_config, tmp_path):
    """A token file that is being replaced is empty for a moment."""
    fresh = []

    def connect():
        fresh.append(1)
        if len(fresh) == 2:
            raise ValueError("the token file is empty")
        return sinew.connect(f"tcp://127.0.0.1:{gate.port}", config=client_config)

    from sinew.reconnecting import ReconnectingConnection  # noqa: PLC0415

    with ReconnectingConnection(connect, QUICK, name="gate") as conn:
        ask(conn)
        gate.cut()
        eventually(lambda: conn.epoch == 2)
        ask(conn)
    assert len(fresh) == 3


@only(client="ours")
def test_on_lost_cannot_wait_for_itself(gate, client_config):
    seen = []

    def on_lost(conn, _cause):
        watch = Stopwatch()
        try:
            ask(conn)
        except EOFError:
            seen.append(watch.seconds)

    uri = f"tcp://127.0.0.1:{gate.port}"
    with sinew.connect(uri, config=client_config, reconnect=QUICK, on_lost=on_lost) as conn:
        ask(conn)
        gate.cut()
        eventually(lambda: seen and conn.epoch == 2)
        assert seen[0] < 2
        ask(conn)


@only(client="ours")
def test_a_lasting_object_may_be_used_while_it_is_found(conn):
    depth = []

    def find(current):
        depth.append(1)
        if len(depth) < 3:
            assert lasting.now is not None
        return current.root

    lasting = conn.lasting(find)
    with sinew.deadline(10):
        assert lasting.now is not None


@only(client="ours")
def test_a_lasting_object_is_found_again(conn, gate):
    spin_for = conn.lasting(lambda c: c.root.spin_for)
    root = conn.lasting(lambda c: c.root)
    spin_for(0)
    first = root.now
    assert root.now is first, "found once in each epoch"
    gate.cut()
    eventually(lambda: conn.epoch == 2)
    spin_for(0)
    assert root.nothing() is None
    assert root.now is not first


@only(client="ours")
def test_it_gives_up_after_so_many_tries(gate, client_config):
    backoff = sinew.Backoff(first=0.01, most=0.02, tries=3)
    conn = sinew.connect(f"tcp://127.0.0.1:{gate.port}", config=client_config, reconnect=backoff)
    ask(conn)
    gate.shut()
    eventually(lambda: conn.closed)
    with pytest.raises(EOFError, match=r"the last try to connect again: .*refused"):
        conn.root.nothing()
    conn.close()


@only(client="ours")
def test_closing_ends_the_waiting_and_the_coming_back(conn, gate):
    gate.shut()
    eventually(lambda: not conn.connected)
    worker = Worker(ask, conn)
    conn.close()
    with pytest.raises(EOFError, match="closed"):
        worker.result()
    assert conn.closed
    gate.reopen()
    with pytest.raises(EOFError, match="closed"):
        conn.root.nothing()


@only(client="ours")
def test_ctrl_c_ends_the_waiting(conn, gate):
    gate.shut()
    eventually(lambda: not conn.connected)
    main = threading.main_thread().ident

    def interrupt():
        eventually(lambda: "_wait_for_another" in names_of(sys._current_frames()[main]))
        os.kill(os.getpid(), signal.SIGINT)

    worker = Worker(interrupt)
    watch = Stopwatch()
    with pytest.raises(KeyboardInterrupt):
        ask(conn)
    assert watch.seconds < 2
    worker.result()


@only(client="ours")
def test_no_thread_and_no_connection_is_left(gate, client_config):
    def ours():
        return [one for one in threading.enumerate() if one.name == "sinew-reconnect"]

    for _ in range(5):
        with sinew.connect(
            f"tcp://127.0.0.1:{gate.port}", config=client_config, reconnect=QUICK
        ) as conn:
            ask(conn)
            gate.cut()
            eventually(lambda conn=conn: conn.epoch == 2)
    eventually(lambda: not ours())


@ours_only
def test_the_first_connection_is_not_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionRefusedError, match=str(port)):
        sinew.connect(f"tcp://127.0.0.1:{port}", reconnect=QUICK)


@ours_only
@pytest.mark.parametrize(
    "wrong", [{"first": 0}, {"factor": 0.5}, {"jitter": 1}, {"tries": 0}, {"patience": -1}]
)
def test_a_backoff_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"(must|needs) "):
        sinew.Backoff(**wrong)


@ours_only
def test_the_pauses_grow_and_are_spread():
    pauses = list(sinew.Backoff(first=1, most=8, factor=2, jitter=0.2, tries=7).pauses())
    assert pauses[0] == 0
    for pause, middle in zip(pauses[1:], (1, 2, 4, 8, 8, 8), strict=True):
        assert 0.8 * middle <= pause <= 1.2 * middle


@ours_only
def test_callbacks_need_reconnect():
    with pytest.raises(TypeError, match="reconnect"):
        sinew.connect("tcp://127.0.0.1:1", on_lost=print)
