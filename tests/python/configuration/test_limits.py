"""Every limit that a peer could meet: exceeding it is an error to it, and the rest goes on."""

import contextlib
import gc
import random
import socket
import time

import pytest

import wire
from harness.combos import only, ours_only, pure_serves
from harness.waiting import eventually

pytestmark = only(client="ours", server="ours")
SERVICE = "limits:greedy"


def limit_error():
    """Return `sinew.LimitError`."""
    import sinew  # noqa: PLC0415 - only where ours is built

    return sinew.LimitError


@contextlib.contextmanager
def reaches(limit):
    """Expect the block to end with an error that names the limit."""
    with pytest.raises(limit_error(), match=limit) as caught:
        yield
    assert caught.value.limit == limit


def serves_others(serve, connect_to, server):
    """Tell whether another client of the same server is well."""
    return connect_to(server).root.add(1, 2) == 3


@pure_serves
def test_max_frame_size_ends_the_connection(serve, connect_to):
    server = serve(SERVICE, config={"max_frame_size": 10_000}, fresh=True)
    conn = connect_to(server)
    assert conn.root.echo(bytes(5_000)) == bytes(5_000)
    with pytest.raises(EOFError):
        conn.root.echo(bytes(20_000))
    assert serves_others(serve, connect_to, server)


def test_max_depth_is_an_error_of_the_call(serve, connect_to):
    conn = connect_to(serve(SERVICE, config={"max_depth": 20}, fresh=True))
    deep = ()
    for _ in range(40):
        deep = (deep,)
    with reaches("max_depth"):
        conn.root.echo(deep)
    assert conn.root.add(1, 2) == 3


def test_max_depth_holds_for_what_is_sent(serve, connect_to):
    conn = connect_to(serve(SERVICE), config={"max_depth": 20})
    deep = ()
    for _ in range(40):
        deep = (deep,)
    with reaches("max_depth"):
        conn.root.echo(deep)
    assert conn.root.add(1, 2) == 3


def test_a_limit_is_an_error_that_programs_for_stock_catch():
    assert issubclass(limit_error(), ValueError)
    assert issubclass(limit_error(), RecursionError)


def test_max_exports_is_an_error_of_the_call(serve, connect_to):
    conn = connect_to(serve(SERVICE), config={"max_exports": 100})
    held = [object() for _ in range(200)]
    with reaches("max_exports"):
        conn.root.echo(tuple(held))
    assert conn.counts()["exports"] == 0
    assert conn.root.echo(held[0]) is held[0]


def test_max_pending_calls_is_an_error_of_the_call(serve, connect_to, rpyc):
    conn = connect_to(serve("gates:gates"), config={"max_pending_calls": 10})
    watcher = connect_to(serve("gates:gates"))
    wait = rpyc.async_(conn.root.wait)
    results = [wait("pending", n) for n in range(10)]
    with reaches("max_pending_calls"):
        wait("pending", 10)
    watcher.root.open("pending")
    assert [result.value for result in results] == list(range(10))


def test_max_call_depth_is_an_error_of_the_call(serve, connect_to):
    conn = connect_to(serve(SERVICE), config={"max_call_depth": 5})

    def again(n):
        return 0 if n == 0 else conn.root.call(again, n - 1)

    assert conn.root.call(again, 3) == 0
    with pytest.raises(RecursionError, match="max_call_depth"):
        conn.root.call(again, 50)
    assert conn.root.add(1, 2) == 3


@ours_only
def test_a_call_that_is_nested_too_deep_gives_back_what_it_was_handed(lib):
    conns = []

    class Service(lib.Service):
        def on_connect(self, conn):
            conns.append(conn)

        def exposed_call(self, function, depth):
            return function(Thing(), depth)

    class Thing:
        """What is handed over, each time another."""

    conn = lib.connect_thread(remote_service=Service, config={"max_call_depth": 3})

    def again(_thing, depth):
        return conn.root.call(again, depth - 1) if depth else 0

    def lent():
        conn.ping()
        return conns[0].counts()["exports"]

    def fail():
        """Its traceback is the one that is kept for pm(), in the place of an earlier one."""
        with pytest.raises(ZeroDivisionError):
            conn.root.call(lambda _thing, _depth: 1 / 0, 0)
        gc.collect()

    fail()
    before = eventually(lent)
    with pytest.raises(RecursionError, match="max_call_depth"):
        conn.root.call(again, 50)
    fail()
    eventually(lambda: lent() <= before)
    conn.close()


@pure_serves
def test_max_chunk_items_bounds_what_one_request_fetches(serve, connect_to, rpyc):
    conn = connect_to(serve(SERVICE, config={"max_chunk_items": 7}, fresh=True))
    iterator = conn.root.iterator(100)
    assert len(conn.sync_request(17, iterator, 1000)) == 7
    assert len(list(rpyc.buffiter(iterator, chunk=50))) == 93


def test_max_remote_classes_is_an_error_of_the_call(serve, connect_to):
    conn = connect_to(serve(SERVICE), config={"max_remote_classes": 20})
    made = [conn.root.new_class(n) for n in range(10)]
    assert len(made) == 10
    with reaches("max_remote_classes"):
        made += [conn.root.new_class(n) for n in range(100)]


def test_classes_that_were_seen_go_on_working_beyond_max_remote_classes(serve, connect_to):
    conn = connect_to(serve(SERVICE), config={"max_remote_classes": 5})
    assert list(conn.root.iterator(3)) == [0, 1, 2]
    for number in range(20):
        with contextlib.suppress(limit_error()):
            conn.root.new_class(number)
    with reaches("max_remote_classes"):
        conn.root.new_class(20)
    assert list(conn.root.iterator(3)) == [0, 1, 2]
    assert conn.root.add(1, 2) == 3


def test_max_class_name_is_an_error_of_the_call(serve, connect_to):
    conn = connect_to(serve(SERVICE), config={"max_class_name": 100})
    module = len("peers.limits.")
    assert conn.root.new_name(100 - module) is not None
    with reaches("max_class_name"):
        conn.root.new_name(101 - module)
    assert conn.root.add(1, 2) == 3


@pure_serves
def test_max_connections_refuses_more_clients(serve, connect_to):
    server = serve(SERVICE, config={"max_connections": 3}, fresh=True)
    conns = [connect_to(server) for _ in range(3)]
    assert [conn.root.add(n, 1) for n, conn in enumerate(conns)] == [1, 2, 3]
    with pytest.raises(EOFError):
        connect_to(server).root.add(1, 2)
    conns.pop().close()
    eventually(lambda: answers(connect_to, server))


def answers(connect_to, server):
    try:
        return connect_to(server).root.add(1, 2) == 3
    except EOFError:
        return False


@pytest.mark.parametrize("kind", ["ThreadedServer", "ThreadPoolServer"])
def test_first_frame_timeout_closes_silent_clients_only(serve, connect_to, kind):
    config = {"first_frame_timeout": 0.2}
    server = serve(SERVICE, server=kind, config=config, fresh=True)
    talks, silent = connect_to(server), connect_to(server)
    assert talks.root.add(1, 2) == 3
    with pytest.raises(EOFError):
        silent.serve(10)
    assert talks.root.add(3, 4) == 7


@pytest.mark.parametrize("kind", ["ThreadedServer", "ThreadPoolServer"])
def test_frame_timeout_ends_a_connection_that_stops_inside_a_message(serve, connect_to, kind):
    """Row S9: one byte now and then is no progress, however long it goes on."""
    server = serve(SERVICE, server=kind, config={"frame_timeout": 0.4}, fresh=True)
    idle = connect_to(server)
    assert idle.root.add(1, 2) == 3
    start = time.monotonic()
    with wire.Raw(server.port, timeout=0.05) as client:
        client.send(wire.request(0, wire.PING, wire.boxed("x")))
        eventually(lambda: client_has(client))
        client.send(wire.frame(b"", length=1000)[:-1])
        while not ended(client):
            assert time.monotonic() - start < 5
    assert time.monotonic() - start >= 0.4
    assert idle.root.add(3, 4) == 7  # silence between messages is no stop inside of one


def client_has(client):
    with contextlib.suppress(TimeoutError):
        return client.reply()[0] == wire.REPLY


def ended(client):
    """Send one byte more and tell whether the connection has been ended."""
    try:
        client.send(b"x")
        return client.sock.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_frame_timeout_leaves_a_slow_line_its_time(serve):
    server = serve(SERVICE, config={"frame_timeout": 0.4}, fresh=True)
    request = wire.request(0, wire.PING, wire.boxed(b"x" * 60_000))
    with wire.Raw(server.port) as client:
        start = time.monotonic()
        for at in range(0, len(request), 3000):
            client.send(request[at : at + 3000])
            with contextlib.suppress(TimeoutError):  # the time that a slow line takes
                client.sock.settimeout(0.05)
                client.sock.recv(1, socket.MSG_PEEK)
        client.sock.settimeout(5)
        assert client.reply()[0] == wire.REPLY
        assert time.monotonic() - start > 0.8


def test_frame_timeout_does_not_count_while_nobody_reads(serve, connect_to):
    """A program that computes leaves half a message in the kernel: that is its own doing."""
    conn = connect_to(serve("gates:gates"), config={"frame_timeout": 0.2})
    assert conn.root.add(1, 2) == 3
    big = connect_to(serve(SERVICE), config={"frame_timeout": 0.2})
    waiting = big.root.echo  # fetched before
    import sinew.rpyc as rpyc  # noqa: PLC0415 - only where ours is built

    result = rpyc.async_(waiting)(bytes(30_000_000))
    eventually(lambda: conn.root.add(1, 2) == 3)
    time_passes(1.0)
    assert len(result.value) == 30_000_000


def time_passes(seconds):
    """Compute for that long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@pytest.mark.parametrize("size", [1 << 16, 1 << 20, 0xFFFFFFFF])
def test_max_first_frame_size_holds_before_the_first_message(serve, size):
    """Row S5: 64 KiB for who has not said anything yet, refused from the header alone."""
    server = serve(SERVICE)
    with wire.Raw(server.port, timeout=2) as client:
        client.send(wire.frame(b"", length=size + 1 if size < 0xFFFFFFFF else size)[:-1])
        assert client.is_closed_by_peer()
    with wire.Raw(server.port) as client:
        assert client.ask(0, wire.PING, wire.boxed("x"))[0] == wire.REPLY
        large = wire.boxed(b"x" * (1 << 17))
        assert client.ask(1, wire.PING, large) == (wire.REPLY, 1, large)


def test_max_first_frame_size_is_an_option(serve):
    server = serve(SERVICE, config={"max_first_frame_size": 200_000}, fresh=True)
    with wire.Raw(server.port) as client:
        assert client.ask(0, wire.PING, wire.boxed(b"x" * 100_000))[0] == wire.REPLY


@pure_serves
@pytest.mark.parametrize("family", ["B", "C"])
def test_max_bad_ids_cuts_a_peer_that_guesses(serve, connect_to, family):
    """Row S10: every guess is an error, and after that many the peer is gone."""
    server = serve(SERVICE)
    honest = connect_to(server)
    with wire.Raw(server.port) as client:
        answered = guess(client, family)
    assert 990 <= answered <= 1000
    assert honest.root.add(1, 2) == 3


def guess(client, family):
    """Guess ids until the peer ends it; return how many were answered, all with an exception."""
    source = random.Random(7)
    for number in range(3000):
        identity = ("peers.limits.Greedy", source.getrandbits(47), source.getrandbits(63))
        box, one = (wire.LOCAL_REF, identity), wire.boxed(1)
        requests = [
            (wire.STR_OF, box),
            (wire.CALL, box, wire.boxed(())),
            (wire.DEL, box, one),
            (wire.GETATTR, box, wire.boxed("x")),
            (wire.INSPECT, wire.boxed(identity)),
        ]
        try:
            client.send(wire.request(number, *requests[number % len(requests)], family=family))
            kind, seq, _ = client.reply(family)
        except (EOFError, ConnectionError):
            return number
        assert (kind, seq) == (wire.EXCEPTION, number)
    return 3000


def test_max_connections_per_source_refuses_more_of_one_address(serve, connect_to):
    server = serve(SERVICE, config={"max_connections_per_source": 2}, fresh=True)
    conns = [connect_to(server) for _ in range(2)]
    assert [conn.root.add(n, 1) for n, conn in enumerate(conns)] == [1, 2]
    with pytest.raises(EOFError):
        connect_to(server).root.add(1, 2)
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.2", 0))
        elsewhere.connect(("127.0.0.1", server.port))
        raw = wire.Raw.over(elsewhere)
        assert raw.ask(0, wire.PING, wire.boxed("x"))[0] == wire.REPLY
    conns.pop().close()
    eventually(lambda: answers(connect_to, server))


@pytest.mark.parametrize(
    "key",
    [
        "max_frame_size",
        "max_first_frame_size",
        "max_bad_ids",
        "frame_timeout",
        "max_depth",
        "max_exports",
        "max_pending_calls",
        "max_call_depth",
        "max_remote_classes",
        "max_class_name",
    ],
)
@pytest.mark.parametrize("value", [0, -1, "many"])
def test_a_limit_that_makes_no_sense_is_refused(serve, connect_to, key, value):
    if (key, value) == ("frame_timeout", 0):
        pytest.skip("no limit")
    server = serve(SERVICE)
    with pytest.raises((ValueError, TypeError)):
        connect_to(server, config={key: value})
