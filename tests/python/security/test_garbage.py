"""Rows S2 and S3: nonsense at the port, from many connections and inside of honest sessions."""

import contextlib
import random
import socket
import threading
import time

import pytest

import wire
from harness.sanitizing import weighs
from harness.soaking import descriptor_count, memory_kib, thread_count
from harness.waiting import eventually

HONEST = 0.1  # seconds in which an honest client has its answer


def structured(source):
    """Return garbage that looks like something: frames with lies in them, and what follows."""
    payload = source.randbytes(source.randrange(64))
    kind = source.randrange(6)
    if kind == 0:
        return source.randbytes(source.randrange(1, 65536))
    if kind == 1:
        return wire.frame(payload, compressed=source.randrange(3))
    if kind == 2:
        return wire.frame(payload, length=source.getrandbits(32))[: source.randrange(1, 80)]
    if kind == 3:
        return wire.frame(bytes((source.randrange(6),)) + payload)
    if kind == 4:
        return mutated(wire.request(1, source.randrange(25), wire.boxed("x")), source)
    return b"SINEW-TOKEN 1"[: source.randrange(14)] + payload


def mutated(frame, source):
    data = bytearray(frame)
    for _ in range(source.randrange(1, 4)):
        at = source.randrange(len(data))
        choice = source.randrange(4)
        if choice == 0:
            data[at] ^= 1 << source.randrange(8)
        elif choice == 1:
            data[at:at] = source.randbytes(source.randrange(1, 9))
        elif choice == 2:
            del data[at : at + source.randrange(1, 9)]
        else:
            data[at] = source.choice((0, 1, 0x0F, 0x10, 0x15, 0x1B, 0x7F, 0x80, 0xFF))
        if not data:
            break
    return bytes(data)


@pytest.mark.soak
@weighs
def test_structured_garbage_at_the_port(sinew, start, soak):
    served, count = start(), soak.amount(400, 100_000)
    source = random.Random(3)

    def send_some(number):
        for _ in range(number):
            # The system keeps a closed pair of addresses for a minute: one source has 28,000.
            here = f"127.0.{source.randrange(1, 200)}.1"
            sock = socket.create_connection(("127.0.0.1", served.port), 5, (here, 0))
            with sock, contextlib.suppress(OSError):
                sock.sendall(structured(source))

    send_some(200)  # what the process allocates once
    memory, begin = memory_kib(served.pid), time.monotonic()
    with sinew.connect(served.place) as conn:
        assert conn.root.add(0, 1) == 1  # in use: who is silent makes room for a flood
        send_some(count)
        assert conn.root.add(1, 2) == 3
    seconds = time.monotonic() - begin
    eventually(lambda: thread_count(served.pid) <= 8, timeout=15)
    grown = memory_kib(served.pid) - memory
    lines = served.log().count("\n") - 1  # but for the address
    assert grown < 10 * 1024
    assert lines <= seconds + 1
    soak.record(
        "S3",
        f"{count} connections in {seconds:.0f} s: RSS +{grown / 1024:.1f} MiB, {lines} log lines",
    )


class Session:
    """A client that begins honestly and sends mutated requests then, with what it was given."""

    def __init__(self, port, source):
        self._source = source
        self._raw = wire.Raw(port, timeout=0.2)
        self._root = self._raw.root()
        self._raw.sock.setblocking(False)
        self._seq = 10

    def step(self):
        """Send one request; False when the peer has ended the session."""
        self._seq += 1
        source = self._source
        reference = (wire.LOCAL_REF, self._root)
        values = [
            reference,
            wire.boxed(source.choice(("add", "__class__", "", "exposed_add", "\0"))),
            wire.boxed(source.getrandbits(source.randrange(1, 80))),
            (wire.TUPLE, (reference, wire.boxed(()))),
            (wire.REMOTE_REF, ("far.Away", source.randrange(9), source.randrange(9))),
            wire.boxed(()),
        ]
        boxes = [source.choice(values) for _ in range(source.randrange(5))]
        handler = source.choice([n for n in range(23) if n != wire.CLOSE])
        frame = wire.request(self._seq, handler, *boxes)
        if source.random() < 0.3:
            frame = mutated(frame, source)
        try:
            self._raw.sock.send(frame)
            while self._raw.sock.recv(65536):
                pass
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self):
        self._raw.sock.close()


@pytest.mark.soak
def test_mutated_requests_inside_of_honest_sessions(sinew, start, soak):
    served = start()
    counts = [0, 0]
    with sinew.connect(served.place) as honest:
        honest.root.add(1, 2)
        visit(served.port, random.Random(1), 50)
        memory = memory_kib(served.pid)
        descriptors = descriptor_count(served.pid)
        slowest = 0.0
        for number in soak.lasts(4):
            threads = [
                threading.Thread(target=run, args=(counts, n, served.port, number * 2 + n))
                for n in range(2)
            ]
            for thread in threads:
                thread.start()
            begin = time.perf_counter()
            assert honest.root.add(number, 1) == number + 1
            slowest = max(slowest, time.perf_counter() - begin)
            for thread in threads:
                thread.join(30)
        eventually(lambda: descriptor_count(served.pid) <= descriptors + 2, timeout=20)
        assert honest.root.add(1, 2) == 3
        assert served.process.poll() is None
        grown = memory_kib(served.pid) - memory
    assert sum(counts) >= 400
    assert grown < 16 * 1024
    assert slowest < soak.amount(2.0, HONEST * 5)
    soak.record(
        "S2",
        f"{sum(counts)} frames of two peers: 0 crashes, RSS +{grown / 1024:.1f} MiB, the slowest "
        f"answer to an honest client {slowest * 1000:.0f} ms",
    )


def run(counts, index, port, seed):
    counts[index] += visit(port, random.Random(seed), 100)


def visit(port, source, steps):
    """Take so many steps, in as many sessions as that needs; return how many were taken."""
    session, taken = None, 0
    for _ in range(steps):
        if session is None:
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                session = Session(port, source)
            if session is None:
                continue
        taken += 1
        if not session.step():
            session.close()
            session = None
    if session is not None:
        session.close()
    return taken
