"""What two peers of ours agree on beyond RPyC, and that nobody else sees any of it."""

import gc

import pytest

import wire
from harness.combos import only
from harness.waiting import Stopwatch, eventually

SERVICE = "limits:greedy"
ALL = {"heartbeat", "release", "deadline", "cancel", "affinity"}
EXTENSION = 4  # the message kind
OFFER, ACCEPTANCE = b"\x93SINEW?", b"\x93SINEW!"


def offer(*pairs):
    """Return the data of an offer of (number, version) pairs."""
    return OFFER + wire.encode(tuple(pairs))


def send_offer(raw, seq, *pairs):
    """Offer, and return the reply."""
    raw.send(wire.frame(wire.message(wire.REQUEST, seq, (wire.PING, wire.boxed((offer(*pairs),))))))
    return raw.reply()


def agreed(conn):
    """Return the names agreed on, once the first answers are in."""
    conn.ping()
    conn.ping()  # behind the answer to the offer
    return conn.extensions


@only(client="ours", server="ours")
def test_two_of_ours_agree_on_all(serve, connect_to):
    assert agreed(connect_to(serve(SERVICE))) == ALL


@only(client="ours", server="stock")
def test_with_stock_there_is_none(serve, connect_to):
    assert agreed(connect_to(serve(SERVICE))) == set()


@only(client="ours", server="ours")
@pytest.mark.parametrize(
    ("of_client", "of_server", "expected"),
    [
        (False, True, set()),
        (True, False, set()),
        (["release"], True, {"release"}),
        (True, ["heartbeat"], {"heartbeat"}),
        (["release"], ["heartbeat"], set()),
    ],
)
def test_either_side_may_switch_them_off(serve, connect_to, of_client, of_server, expected):
    server = serve(SERVICE, config={"extensions": of_server}, fresh=True)
    assert agreed(connect_to(server, config={"extensions": of_client})) == expected


@only(client="ours", server="ours")
def test_an_unknown_name_is_refused(serve, connect_to):
    with pytest.raises(ValueError, match="telepathy"):
        connect_to(serve(SERVICE), config={"extensions": ["telepathy"]})


@only(client="ours", server="ours")
@pytest.mark.parametrize("extensions", [True, False])
def test_objects_are_given_back_either_way(serve, connect_to, extensions):
    conn = connect_to(serve("lifetime:tracker"), config={"extensions": extensions})
    kept = conn.root.make(50)
    assert conn.root.living() == 50
    del kept
    gc.collect()
    eventually(lambda: conn.root.living() == 0)


# What is on the wire, seen by a peer that the test plays.


@pytest.fixture
def raw(serve):
    with wire.Raw(serve(SERVICE).port) as client:
        yield client


@only(server="ours", client="ours")
def test_an_offer_is_answered_with_what_is_known_of_it(raw):
    kind, seq, (label, data) = send_offer(raw, 0, (1, 9), (2, 1), (200, 1))
    assert (kind, seq, label) == (wire.REPLY, 0, wire.VALUE)
    assert data == ACCEPTANCE + wire.encode(((1, 1), (2, 1)))


@only(server="ours", client="ours")
def test_any_other_ping_is_echoed(raw):
    for data in (b"", b"x", OFFER[:-1], OFFER.decode("latin-1")):
        assert raw.ask(0, wire.PING, wire.boxed(data)) == (wire.REPLY, 0, wire.boxed(data))


@only(server="ours", client="ours")
def test_signs_of_life_come_as_often_as_they_are_wanted(raw):
    send_offer(raw, 0, (1, 1))
    assert raw.reply() == (EXTENSION, 1, (0, 5000)), "the server's own wish"
    raw.send(wire.frame(wire.message(EXTENSION, 1, (0, 200))))
    watch = Stopwatch()
    for _ in range(5):
        assert raw.reply() == (EXTENSION, 1, (1, 0))
    assert watch.seconds < 1


@only(server="ours", client="ours")
def test_a_release_has_no_answer(raw):
    send_offer(raw, 0, (2, 1))
    root = raw.ask(1, wire.GETROOT)[2][1]
    unknown = ("nobody.Knows", 1, 2)
    raw.send(wire.frame(wire.message(EXTENSION, 2, ((root, 1), (unknown, 5)))))
    assert raw.ask(2, wire.PING, wire.boxed("x")) == (wire.REPLY, 2, wire.boxed("x"))


@only(server="ours", client="ours")
@pytest.mark.parametrize(
    "lie",
    [
        wire.message(EXTENSION, 1, (0, 0)),
        wire.message(EXTENSION, 2, ()),
        wire.message(EXTENSION, 77, ()),
    ],
)
def test_what_was_not_agreed_on_ends_the_connection(raw, lie):
    raw.send(wire.frame(lie))
    assert raw.is_closed_by_peer()


@only(server="ours", client="ours")
def test_a_second_offer_ends_the_connection(raw):
    send_offer(raw, 0, (2, 1))
    with pytest.raises(EOFError):
        send_offer(raw, 1, (2, 1))
