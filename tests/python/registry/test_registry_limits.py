"""What a registry does with requests that are wrong, too many or too large."""

import random
import socket

import pytest

from harness.combos import ours_only
from harness.impls import submodule
from harness.waiting import Stopwatch, Worker, eventually

HOST = "127.0.0.1"

pytestmark = ours_only


@pytest.fixture
def registry(impl, start_registry):
    return start_registry(impl, allow_listing=True)


@pytest.fixture
def registrar(lib, registry):
    return registry.client(lib)


@pytest.fixture
def dump(lib):
    return submodule(lib, "core.brine").dump


BAD = [
    ("XXXX", "QUERY", ("a",)),
    ("RPYC", "NO_SUCH", ()),
    ("RPYC", "QUERY", ()),
    ("RPYC", "QUERY", ("a", "b")),
    ("RPYC", "QUERY", (5,)),
    ("RPYC", "QUERY", "a"),
    ("RPYC", 5, ()),
    ("RPYC", "LIST", (5,)),
    ("RPYC", "REGISTER", ((), 1)),
    ("RPYC", "REGISTER", ("ab", 1)),
    ("RPYC", "REGISTER", (("a", 5), 1)),
    ("RPYC", "REGISTER", (("a",), 0)),
    ("RPYC", "REGISTER", (("a",), 65536)),
    ("RPYC", "REGISTER", (("a",), True)),
    ("RPYC", "REGISTER", (("a" * 256,), 1)),
    ("RPYC", "REGISTER", ((slice(1, 2, 3),), 1)),
    ("RPYC", "UNREGISTER", (None,)),
    ("RPYC", "LIST", (slice(1, 2, 3),)),
    ("RPYC",),
    5,
]


@pytest.mark.parametrize("request_", BAD, ids=repr)
def test_a_request_that_makes_no_sense_changes_nothing(registry, registrar, dump, request_):
    registry.send(dump(request_))
    registrar.register(("FOO",), 12345)
    assert registrar.list() == ("FOO",)
    assert registrar.discover("foo") == ((HOST, 12345),)


def test_random_and_truncated_bytes_never_stop_it(registry, registrar, dump, kind):
    seed = random.randrange(2**32)
    print("seed", seed)
    noise = random.Random(seed)
    whole = dump(("RPYC", "REGISTER", (("FOO", "BAR"), 12345)))
    inputs = [whole[:size] for size in range(len(whole))]
    inputs += [noise.randbytes(noise.randrange(200)) for _ in range(1000 if kind == "UDP" else 200)]
    for _ in range(500 if kind == "UDP" else 100):
        broken = bytearray(whole)
        broken[noise.randrange(len(broken))] = noise.randrange(256)
        inputs.append(bytes(broken))
    inputs += [b"\x10" * 1500, b"\x15\xff\xff\xff\xff", noise.randbytes(1500)]
    for data in inputs:
        registry.send(data)
    assert eventually(lambda: registrar.register(("AFTER",), 7))
    assert (HOST, 7) in registrar.discover("after")


def test_more_names_at_once_than_the_limit_are_refused(registry, lib):
    registrar = registry.client(lib, timeout=0.2)
    registry.server.MAX_NAMES = 3
    assert registrar.register(("A", "B", "C"), 1) is True
    assert registrar.register(("D", "E", "F", "G"), 1) is False
    assert set(registrar.list()) == {"A", "B", "C"}


def test_more_entries_than_the_limit_are_refused_and_old_ones_make_room(registry, lib):
    registrar = registry.client(lib, timeout=0.2)
    registry.server.MAX_SERVICES = 4
    assert registrar.register(("A", "B"), 1) is True
    assert registrar.register(("A", "B"), 2) is True
    assert registrar.register(("A",), 3) is False
    assert registrar.register(("A",), 2) is True  # not a new one
    for addresses in registry.server.services.values():
        for address in addresses:
            addresses[address] -= 1000
    assert registrar.register(("A",), 3) is True
    assert registrar.discover("a") == ((HOST, 3),)


def test_a_reply_that_is_too_long_holds_the_newest(registry, registrar):
    for port in range(1000, 1300):
        assert registrar.register(("FOO",), port)
    found = registrar.discover("foo")
    assert 50 < len(found) < 100
    assert found == tuple((HOST, port) for port in range(1300 - len(found), 1300))


def test_a_listing_that_is_too_long_is_cut(registry, registrar, kind):
    for number in range(300):
        assert registrar.register((f"SERVICE-{number:050}",), 1)
    size = sum(len(name) + 3 for name in registrar.list())
    assert size < (15000 if kind == "UDP" else 1500)
    assert size > (14000 if kind == "UDP" else 1300)


@pytest.mark.parametrize("kind", ["TCP"])
def test_clients_that_say_nothing_hold_nobody_up(registry, registrar):
    silent = [socket.create_connection((HOST, registry.port), 5) for _ in range(20)]
    half = socket.create_connection((HOST, registry.port), 5)
    half.sendall(b"\x12\x08\x0dRP")
    watch = Stopwatch()
    assert registrar.register(("FOO",), 1)
    assert watch.seconds < 1
    for sock in [*silent, half]:
        sock.close()


@pytest.mark.parametrize("kind", ["TCP"])
def test_clients_that_say_nothing_are_dropped(impl, lib, kind, start_registry):
    module = submodule(lib, "utils.registry")

    class Hasty(module.TCPRegistryServer):
        TIMEOUT = 0.2
        MAX_CLIENTS = 3

    registry = start_registry(impl, server_class=Hasty)
    silent = [socket.create_connection((HOST, registry.port), 5) for _ in range(5)]
    assert registry.client(lib).register(("FOO",), 1)  # it is the sixth, and waits for its turn
    for sock in silent:
        assert sock.recv(1) == b""
        sock.close()


@pytest.mark.parametrize("kind", ["TCP"])
def test_a_request_may_come_in_pieces(registry, dump, lib):
    whole = dump(("RPYC", "REGISTER", (("FOO",), 12345)))
    with socket.create_connection((HOST, registry.port), 5) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for position in range(len(whole)):
            sock.sendall(whole[position : position + 1])
        assert sock.recv(100) == dump("OK")


def test_closing_ends_it_at_once(registry):
    watch = Stopwatch()
    registry.server.close()
    registry.stop()
    assert watch.seconds < 0.5
    with pytest.raises(ValueError, match="not running"):
        registry.server.close()
    with pytest.raises(ValueError, match="disposed"):
        registry.server.start()


def test_starting_twice_is_refused(registry):
    with pytest.raises(ValueError, match="already running"):
        registry.server.start()


def answering(answers):
    """Return a socket that answers its next datagram with all of these, and its thread."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))

    def answer():
        _, client = sock.recvfrom(1500)
        for data in answers:
            sock.sendto(data, client)

    return sock, Worker(answer)


@pytest.mark.parametrize("kind", ["UDP"])
def test_a_client_passes_over_replies_that_make_no_sense(lib, dump, kind):
    servers = ((HOST, 1),)
    bad = [b"", b"\xff", b"\x15\xff", dump(5), dump((5,)), dump(((HOST,),)), dump(((1, 1),))]
    sock, worker = answering([*bad, dump(servers)])
    with sock:
        client = submodule(lib, "utils.registry").UDPRegistryClient(HOST, sock.getsockname()[1])
        assert client.discover("foo") == servers
        worker.result()


@pytest.mark.parametrize("kind", ["UDP"])
def test_a_client_that_gets_only_nonsense_gives_up_in_time(lib, dump, kind):
    sock, worker = answering([b"\xff"] * 10 + [dump("NO")])
    with sock:
        client = submodule(lib, "utils.registry").UDPRegistryClient(
            HOST, sock.getsockname()[1], timeout=0.2
        )
        assert client.register(("FOO",), 1) is False
        worker.result()
