"""Our connection against a peer that the test plays itself, byte by byte, in this process."""

import gc
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import sinew.rpyc as rpyc
from sinew._sinew import live_counts

import wire
from harness.sanitizing import weighs
from harness.waiting import Stopwatch, Worker

THING = ("tests.Thing", 4711, 1)
# The peer of these tests knows no extension and does not say good-bye.
ALONE = {"close_timeout": 0, "extensions": False}


def connect(sock):
    """Return a connection that does not wait for its peer when it is closed."""
    return rpyc.connect_stream(rpyc.SocketStream(sock), config=ALONE)


@pytest.fixture
def ends():
    """A connection of ours and the peer at its other end."""
    ours, theirs = socket.socketpair()
    conn = connect(ours)
    with wire.Raw.over(theirs) as peer:
        yield conn, peer
        conn.close()


@pytest.mark.parametrize("serve", ["serve", "poll_all"])
def test_messages_that_come_together_are_served_together(ends, serve):
    """A loop that waits for the descriptor sees nothing of what has been read already."""
    conn, peer = ends
    count = 5
    peer.send(b"".join(wire.request(n, wire.PING, wire.boxed(n)) for n in range(count)))
    assert getattr(conn, serve)(0.2)
    assert [peer.reply() for _ in range(count)] == [
        (wire.REPLY, n, wire.boxed(n)) for n in range(count)
    ]


def test_a_peer_that_answers_in_the_other_family_is_told_apart(ends):
    """RPyC 5 cannot read what RPyC 6 sends, and says good-bye in its own words."""
    conn, peer = ends
    result = conn.async_request(wire.PING, "x")
    peer.receive()
    peer.send(wire.frame(wire.message(wire.REQUEST, 0, (wire.CLOSE, wire.boxed(())), "B")))
    with pytest.raises(EOFError, match="wire_family 'B'"):
        result.wait()


def test_the_reason_of_a_connection_closed_here_is_not_the_peers(ends):
    conn, peer = ends
    conn._config["close_timeout"] = 5
    closing = Worker(conn.close)
    kind, _, (handler, _) = peer.reply()
    assert (kind, handler) == (wire.REQUEST, wire.CLOSE)
    peer.sock.close()
    closing.result()
    assert conn.close_reason == "closed by this side"


def test_closing_waits_no_longer_than_close_timeout(ends):
    conn, _ = ends  # the peer says nothing
    conn._config["close_timeout"] = 0.2
    watch = Stopwatch()
    conn.close()
    assert 0.2 <= watch.seconds < 5
    assert conn.closed


def test_a_callback_runs_when_the_connection_is_closed_before_the_answer(ends):
    conn, peer = ends
    told = []
    result = conn.async_request(wire.PING, "x")
    peer.receive()
    result.add_callback(lambda result: told.append(result.error))
    del result
    conn.close()
    assert told == [True]


def test_nothing_is_left_of_a_connection_that_was_closed_before_the_answer(ends):
    gc.collect()
    before = live_counts()
    ours, theirs = socket.socketpair()
    conn = connect(ours)
    conn.async_request(wire.PING, "x").add_callback(lambda _: None)
    conn.close()
    del conn
    theirs.close()
    gc.collect()
    assert live_counts() == before


def test_an_answer_nobody_reads_is_given_back_without_a_question(ends):
    conn, peer = ends
    result = conn.async_request(wire.PING, "x")
    _, seq, _ = peer.reply()
    peer.send(wire.frame(wire.message(wire.REPLY, seq, (wire.REMOTE_REF, THING))))
    assert conn.serve(1)
    del result
    gc.collect()
    kind, _, (handler, boxes) = peer.reply()
    assert (kind, handler) == (wire.REQUEST, wire.DEL)
    assert boxes == (wire.TUPLE, ((wire.LOCAL_REF, THING), wire.boxed(1)))
    assert peer.is_quiet()


def test_a_peer_that_echoes_the_offer_sees_no_extension():
    ours, theirs = socket.socketpair()
    conn = rpyc.connect_stream(rpyc.SocketStream(ours), config={"close_timeout": 0})
    with wire.Raw.over(theirs) as peer:
        result = conn.async_request(wire.PING, "x")
        _, seq, _ = peer.reply()
        _, offer_seq, (_, (_, (offer,))) = peer.reply()
        assert offer.startswith(b"\x93SINEW?")
        peer.send(wire.frame(wire.message(wire.REPLY, seq, (wire.REMOTE_REF, THING))))
        peer.send(wire.frame(wire.message(wire.REPLY, offer_seq, wire.boxed(offer))))
        assert conn.serve(1)
        del result
        gc.collect()
        kind, _, (handler, _) = peer.reply()
        assert (kind, handler) == (wire.REQUEST, wire.DEL)
        assert not conn.extensions
        conn.close()


def test_a_late_answer_is_given_back_without_a_question(ends):
    conn, peer = ends
    conn._config["sync_request_timeout"] = 0.05
    with pytest.raises(TimeoutError):
        conn.sync_request(wire.PING, "x")
    _, seq, _ = peer.reply()
    peer.send(wire.frame(wire.message(wire.REPLY, seq, (wire.REMOTE_REF, THING))))
    assert conn.serve(1)
    kind, _, (handler, _) = peer.reply()
    assert (kind, handler) == (wire.REQUEST, wire.DEL)
    assert peer.is_quiet()


def test_a_time_limit_on_the_socket_does_not_make_a_wait_burn_the_processor(ends):
    conn, peer = ends
    conn._channel.stream.sock.settimeout(5)

    def wait():
        before = time.thread_time()
        conn.serve(0.5)
        return time.thread_time() - before

    assert Worker(wait).result() < 0.1
    peer.send(wire.request(0, wire.PING, wire.boxed("x")))
    assert conn.serve(5)
    assert peer.reply() == (wire.REPLY, 0, wire.boxed("x"))


class Bulky(rpyc.Service):
    SIZE = 30_000_000

    def exposed_bulk(self):
        return b"x" * self.SIZE


def test_ctrl_c_while_a_large_answer_is_sent():
    """It leaves through the call that serves, and the answer arrives nevertheless."""
    ours, theirs = socket.socketpair()
    conn = rpyc.connect_stream(rpyc.SocketStream(ours), Bulky, config=ALONE)
    main = threading.get_ident()

    def interrupt(*_):
        raise KeyboardInterrupt

    with wire.Raw.over(theirs) as peer:

        def interrupt_when_it_has_begun():
            theirs.recv(1, socket.MSG_PEEK)
            signal.pthread_kill(main, signal.SIGUSR1)

        def ask(seq, handler, *boxes):
            peer.send(wire.request(seq, handler, *boxes))
            assert conn.serve(5)
            return peer.reply()[2][1]

        root = ask(0, wire.GETROOT)
        method = ask(1, wire.GETATTR, (wire.LOCAL_REF, root), wire.boxed("bulk"))
        previous = signal.signal(signal.SIGUSR1, interrupt)
        try:
            peer.send(
                wire.request(2, wire.CALL, (wire.LOCAL_REF, method), wire.boxed(()), wire.boxed(()))
            )
            worker = Worker(interrupt_when_it_has_begun)
            with pytest.raises(KeyboardInterrupt):
                conn.serve(20)
            worker.result()
        finally:
            signal.signal(signal.SIGUSR1, previous)
        assert peer.reply() == (wire.REPLY, 2, wire.boxed(b"x" * Bulky.SIZE))
        conn.close()


@weighs
def test_a_frame_for_which_there_is_no_memory_ends_the_connection_only():
    code = """
import resource, socket
import sinew.rpyc as rpyc
ours, theirs = socket.socketpair()
conn = rpyc.connect_stream(rpyc.SocketStream(ours))
limit = 400 << 20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
theirs.sendall((0x3FFFFFFF).to_bytes(4, "big") + b"\\0")
try:
    conn.serve(10)
except EOFError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert "there is not enough memory" in done.stdout, done


class OwnStream(rpyc.SocketStream):
    """A stream of the program's own, which the engine calls instead of using the descriptor."""

    waits = threading.Event()

    def poll(self, timeout):
        self.waits.set()
        return super().poll(timeout)


def test_ctrl_c_in_a_wait_over_a_stream_of_the_programs_own():
    ours, theirs = socket.socketpair()
    conn = rpyc.connect_stream(OwnStream(ours), config=ALONE)

    main = threading.get_ident()

    def interrupt(*_):
        raise KeyboardInterrupt

    with wire.Raw.over(theirs) as peer:

        def interrupt_when_it_waits():
            peer.reply()
            assert OwnStream.waits.wait(10)
            signal.pthread_kill(main, signal.SIGUSR1)

        previous = signal.signal(signal.SIGUSR1, interrupt)
        try:
            worker = Worker(interrupt_when_it_waits)
            with pytest.raises(KeyboardInterrupt):
                conn.sync_request(wire.PING, "x")
            worker.result()
        finally:
            signal.signal(signal.SIGUSR1, previous)
        assert not conn.closed
        peer.send(wire.request(0, wire.PING, wire.boxed("x")))
        assert conn.serve(5)
        assert peer.reply() == (wire.REPLY, 0, wire.boxed("x"))
        conn.close()
