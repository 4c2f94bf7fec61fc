"""Row S8: clients that connect and say nothing."""

import importlib
import socket
import time

import pytest

import wire
from harness.sanitizing import weighs
from harness.soaking import memory_kib, thread_count
from harness.waiting import eventually


def silent(port):
    return socket.create_connection(("127.0.0.1", port), 5)


def close_all(socks):
    for sock in socks:
        sock.close()


@pytest.mark.soak
@weighs
def test_silent_clients_cost_no_thread_and_next_to_no_memory(sinew, start, soak):
    served, count = start(), soak.amount(300, 10_000)
    with sinew.connect(served.place) as conn:
        conn.root.add(1, 2)
        threads, memory = thread_count(served.pid), memory_kib(served.pid)
        socks = [silent(served.port) for _ in range(count)]
        try:
            times = sorted(time_of_a_visit(sinew, served.place) for _ in range(100))
            assert thread_count(served.pid) <= threads + 3  # the lobby's, and some visitors'
            grown = memory_kib(served.pid) - memory
            assert grown < 4 * count + 2048
            assert times[98] < soak.amount(1.0, 0.05)
            soak.record(
                "S8",
                f"{count} silent clients: {grown / count:.2f} KiB each, "
                f"{thread_count(served.pid) - threads} threads, "
                f"p99 of connecting and calling {times[98] * 1000:.1f} ms",
            )
            assert conn.root.add(3, 4) == 7
        finally:
            close_all(socks)


def time_of_a_visit(sinew, place):
    begin = time.perf_counter()
    with sinew.connect(place) as conn:
        assert conn.root.add(1, 2) == 3
        return time.perf_counter() - begin


@pytest.fixture
def serve(sinew):
    """A function `serve(**config)`: a server in this process."""
    serving = importlib.import_module("sinew.serving")
    started = []

    class Adder:
        @sinew.expose
        def add(self, a, b):
            return a + b

    def start(token=None, **config):
        server = serving.make_server(
            Adder(), "tcp://127.0.0.1:0", token=token, protocol_config=config
        )
        server._start_in_thread()
        started.append(server)
        return server

    yield start
    for server in started:
        server.close()


def ends(sock, within):
    sock.settimeout(within)
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_a_message_that_has_begun_has_ten_seconds_by_default(serve):
    server = serve()
    assert server.protocol_config["first_frame_timeout"] == 10
    assert server.protocol_config["frame_timeout"] == 30


@pytest.mark.timeout(40)
def test_a_client_that_is_not_used_for_a_while_is_not_closed(sinew, serve):
    """It has said nothing yet: programs connect when they start, and call when they need to."""
    server, other = serve(), serve(token="correct horse battery staple")
    place = f"tcp://127.0.0.1:{other.port}"
    with (
        sinew.connect(f"tcp://127.0.0.1:{server.port}") as conn,
        sinew.connect(place, token="correct horse battery staple") as known,
        silent(server.port) as sock,
    ):
        assert not ends(sock, 11)
        assert conn.root.add(1, 2) == 3
        assert known.root.add(1, 2) == 3


@pytest.mark.parametrize("said", [b"", b"\0", wire.request(0, 1, wire.boxed("x"))[:-3]])
def test_who_has_not_finished_a_message_in_time_is_closed(sinew, serve, said):
    server = serve(first_frame_timeout=0.2)
    place = f"tcp://127.0.0.1:{server.port}"
    with sinew.connect(place) as conn, silent(server.port) as sock:
        assert conn.root.add(1, 2) == 3
        if said:
            sock.sendall(said)
        assert ends(sock, 5)
        assert conn.root.add(3, 4) == 7
    eventually(lambda: not server.clients)


def test_silent_clients_make_room_for_others(sinew, serve):
    server = serve(max_connections=3)
    socks = [silent(server.port) for _ in range(3)]
    eventually(lambda: len(server.clients) == 3)
    place = f"tcp://127.0.0.1:{server.port}"
    newcomers = [sinew.connect(place) for _ in range(3)]
    try:
        assert [conn.root.add(n, 1) for n, conn in enumerate(newcomers)] == [1, 2, 3]
        with sinew.connect(place) as fourth, pytest.raises(EOFError):
            fourth.root.add(1, 2)
    finally:
        close_all(newcomers)
        close_all(socks)


def test_silent_clients_make_room_where_descriptors_are_short(sinew, start):
    served = start("prlimit", "--nofile=64:64")
    socks = [silent(served.port) for _ in range(100)]
    try:
        with sinew.connect(served.place) as conn:
            assert conn.root.add(1, 2) == 3
    finally:
        close_all(socks)


def test_closing_the_server_ends_who_waits(serve):
    server = serve()
    with silent(server.port) as sock:
        eventually(lambda: server.clients)
        server.close()
        assert ends(sock, 5)
