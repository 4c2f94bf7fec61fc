"""Every limit that a peer could meet: exceeding it is an error to it, and the rest goes on."""

import contextlib

import pytest

from harness.combos import only
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


@pytest.mark.parametrize(
    "key",
    [
        "max_frame_size",
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
    server = serve(SERVICE)
    with pytest.raises((ValueError, TypeError)):
        connect_to(server, config={key: value})
