"""The end of a connection, wanted or not."""

import gc
import threading

import pytest

from harness.combos import only, with_pure, without_pure
from harness.waiting import Worker, eventually

pytestmark = with_pure

SERVICE = "gates:gates"


def test_a_closed_connection_says_so(connect):
    conn = connect(SERVICE)
    assert not conn.closed
    conn.close()
    assert conn.closed


def test_closing_twice_is_allowed(connect):
    conn = connect(SERVICE)
    conn.ping()
    conn.close()
    conn.close()


def test_a_connection_that_was_never_used_can_be_closed(connect):
    connect(SERVICE).close()


def test_every_use_of_a_closed_connection_is_an_end_of_file(connect):
    conn = connect(SERVICE)
    root, add = conn.root, conn.root.add
    conn.close()
    for action in (
        lambda: add(1, 2),
        lambda: root.add,
        lambda: str(root),
        conn.ping,
        lambda: root.add(1, 2),
        lambda: dir(root),
        lambda: conn.serve(0),
    ):
        with pytest.raises(EOFError):
            action()


def test_a_request_for_the_root_of_a_closed_connection_fails(connect):
    conn = connect(SERVICE)
    conn.close()
    with pytest.raises(EOFError):
        _ = conn.root


def test_netrefs_that_outlive_their_connection_die_quietly(connect, capfd):
    conn = connect("lifetime:tracker")
    kept = conn.root.make(10)
    conn.close()
    del kept
    gc.collect()
    assert capfd.readouterr().err == ""


def test_a_dropped_connection_closes_itself(serve, connect_to, rpyc, client_config):
    server = serve("services:per_connection", fresh=True)
    watcher = connect_to(server)
    conn = rpyc.connect("127.0.0.1", server.port, config=client_config)
    conn.ping()
    assert watcher.root.journal_count("disconnect") == 0
    del conn
    gc.collect()
    assert watcher.root.journal_has("disconnect")


def test_the_end_of_the_server_is_an_end_of_file_here(connect, serve, connect_to):
    server = serve(SERVICE, fresh=True)
    conn = connect_to(server)
    add = conn.root.add
    server.stop()
    with pytest.raises((EOFError, OSError)):
        add(1, 2)
    eventually(lambda: conn.closed or not add_works(add))


def add_works(add):
    try:
        add(1, 2)
    except (EOFError, OSError):
        return False
    return True


def test_a_pending_result_fails_when_the_server_ends(serve, connect_to, rpyc):
    server = serve(SERVICE, fresh=True)
    conn = connect_to(server)
    result = rpyc.async_(conn.root.wait)("never")
    server.stop()
    with pytest.raises(EOFError):
        result.wait()


def test_the_hook_before_closing_gets_the_root(serve, connect_to):
    seen = []
    server = serve(SERVICE)
    conn = connect_to(server, config={"before_closed": lambda root: seen.append(root.add(1, 2))})
    conn.ping()
    conn.close()
    assert seen == [3]


def test_local_hooks_run_once_when_the_connection_ends(serve, connect_to, rpyc):
    events = []

    class Local(rpyc.Service):
        def on_connect(self, conn):
            events.append("connect")

        def on_disconnect(self, conn):
            events.append("disconnect")

    conn = connect_to(serve(SERVICE), service=Local)
    assert events == ["connect"]
    conn.close()
    conn.close()
    assert events == ["connect", "disconnect"]


def test_local_hooks_run_when_the_server_vanishes(serve, connect_to, rpyc):
    gone = threading.Event()

    class Local(rpyc.Service):
        def on_disconnect(self, conn):
            gone.set()

    server = serve(SERVICE, fresh=True)
    conn = connect_to(server, service=Local)
    serving = Worker(conn.serve_all)
    conn.ping()
    server.stop()
    serving.result()
    assert gone.is_set()
    assert conn.closed


def test_closing_inside_a_callback_ends_the_call(connect):
    conn = connect(SERVICE)
    with pytest.raises(EOFError):
        conn.root.call(conn.close)
    assert conn.closed


@only(client="ours")
def test_closing_in_one_thread_wakes_a_call_in_another(connect):
    conn = connect(SERVICE)
    worker = Worker(conn.root.wait, "never opened")
    eventually(worker.is_alive)
    conn.close()
    with pytest.raises(EOFError):
        worker.result(5)


@only(client="ours")
def test_the_first_cause_of_the_end_stays_known(serve, connect_to):
    """Later uses say why the connection ended, not only that it did."""
    server = serve(SERVICE, fresh=True)
    conn = connect_to(server)
    add = conn.root.add
    server.stop()
    with pytest.raises(EOFError) as first:
        add(1, 2)
    with pytest.raises(EOFError) as second:
        add(1, 2)
    assert str(first.value)
    assert str(second.value)


@without_pure("channels")
def test_a_connection_shows_its_file_descriptor_until_it_is_closed(connect):
    conn = connect(SERVICE)
    assert conn.fileno() == conn._channel.stream.sock.fileno()
    assert conn.fileno() == conn._channel.fileno()
    conn.close()
    with pytest.raises(EOFError):
        conn.fileno()


def test_a_request_that_failed_does_not_keep_its_connection(lib):
    """Its traceback has frames that hold the connection, and with it a descriptor."""
    ended = []

    class Failing(lib.Service):
        def on_connect(self, conn):
            self.conn = conn

        def on_disconnect(self, conn):
            ended.append(conn)

        def exposed_fail(self):
            raise ValueError("failed")

    server = lib.ThreadedServer(Failing, hostname="localhost")
    server._start_in_thread()
    with lib.connect("localhost", server.port) as conn, pytest.raises(ValueError, match="failed"):
        conn.root.fail()
    server_side = eventually(lambda: ended and ended[0])
    eventually(lambda: server_side._last_traceback is None)
    server.close()
