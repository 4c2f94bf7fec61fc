"""Frames no honest peer sends: our server drops the sender and serves the others."""

import os
import random
import struct
import zlib

import pytest

import wire
from harness.combos import only, pure_serves
from harness.sanitizing import weighs

pytestmark = [only(client="ours", server="ours"), pure_serves]
PING = wire.message(wire.REQUEST, 0, (wire.PING, (wire.TUPLE, (wire.boxed("x"),))))


def memory(pid):
    """Return the resident memory of a process in MiB."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20


def test_the_helper_speaks_well_enough_for_an_answer(raw):
    assert raw.ask(0, wire.PING, wire.boxed("hello")) == (wire.REPLY, 0, (wire.VALUE, "hello"))


@pytest.mark.parametrize("cut", [0, 1, 4, 5, 6, len(PING), len(PING) + 5])
def test_a_frame_that_is_cut_short(raw, honest, cut):
    with honest():
        raw.send(wire.frame(PING)[:cut])
        raw.sock.shutdown(1)
        assert raw.is_closed_by_peer()


def test_an_empty_frame(raw, honest):
    with honest():
        raw.send(wire.frame(b""))
        assert raw.is_closed_by_peer()


def test_a_frame_that_announces_four_gigabytes(server, raw, honest):
    before = memory(server.pid)
    with honest():
        raw.send(struct.pack("!LB", 0xFFFFFFFF, 0) + b"x" * 100_000)
        raw.sock.settimeout(1)
        raw.is_closed_by_peer()
        assert memory(server.pid) < before + 64


def test_a_compressed_bomb(server, raw, honest):
    bomb = zlib.compress(bytes(1 << 30), 9)
    before = memory(server.pid)
    with honest():
        raw.ask(0, wire.PING, wire.boxed("hello"))
        raw.send(wire.frame(bomb, compressed=1))
        raw.sock.settimeout(10)
        raw.is_closed_by_peer()
        limit = 256  # max_inflated_size, MiB
        assert memory(server.pid) < before + 2 * limit + 64


@weighs
def test_a_compressed_bomb_of_who_has_not_said_anything_yet(serve, honest):
    own = serve("gates:gates", fresh=True)
    bomb = zlib.compress(bytes(50 << 20), 9)
    assert len(bomb) < 1 << 16  # max_first_frame_size, as it travels
    before = memory(own.pid)
    with honest(), wire.Raw(own.port) as client:
        client.send(wire.frame(bomb, compressed=1))
        assert client.is_closed_by_peer()
    assert memory(own.pid) < before + 32  # MiB; inflated it would be 50


def test_a_compressed_frame_that_is_no_compressed_data(raw, honest):
    with honest():
        raw.send(wire.frame(b"not compressed at all", compressed=1))
        assert raw.is_closed_by_peer()


def test_a_compressed_frame_that_is_cut_short(raw, honest):
    with honest():
        raw.send(wire.frame(zlib.compress(PING * 50)[:-5], compressed=1))
        assert raw.is_closed_by_peer()


def test_a_small_compressed_frame_is_fine(raw):
    raw.send(wire.frame(zlib.compress(PING), compressed=1))
    assert raw.reply() == (wire.REPLY, 0, (wire.VALUE, "x"))


def test_any_byte_may_end_a_frame(raw):
    raw.send(wire.frame(PING)[:-1] + b"\xff")
    assert raw.reply() == (wire.REPLY, 0, (wire.VALUE, "x"))


def test_a_request_in_single_bytes(raw):
    for byte in wire.frame(PING):
        raw.send(bytes((byte,)))
    assert raw.reply() == (wire.REPLY, 0, (wire.VALUE, "x"))


@pytest.mark.parametrize("seed", range(10))
def test_random_bytes(server, honest, seed):
    source = random.Random(seed)
    with honest():
        for _ in range(10):
            with wire.Raw(server.port, timeout=0.3) as client:
                client.send(source.randbytes(source.randrange(1, 2000)))
                client.is_closed_by_peer()


@pytest.mark.parametrize("seed", range(10))
def test_random_bytes_inside_of_a_frame(server, honest, seed):
    source = random.Random(1000 + seed)
    with honest():
        for _ in range(10):
            with wire.Raw(server.port, timeout=0.3) as client:
                client.send(wire.frame(b"\x01" + source.randbytes(source.randrange(1, 300))))
                client.is_closed_by_peer()


@pytest.mark.parametrize("seed", range(5))
def test_a_request_with_flipped_bits(server, honest, seed):
    source = random.Random(2000 + seed)
    with honest():
        for _ in range(20):
            payload = bytearray(PING)
            payload[source.randrange(len(payload))] ^= 1 << source.randrange(8)
            with wire.Raw(server.port, timeout=0.3) as client:
                client.send(wire.frame(bytes(payload)))
                client.sock.shutdown(1)
                client.is_closed_by_peer()
