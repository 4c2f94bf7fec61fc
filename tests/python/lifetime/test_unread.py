"""What a peer lends with something that nobody reads goes back to it."""

import pytest

import wire
from harness.combos import only, pure_serves

pytestmark = [only(client="ours", server="ours"), pure_serves]

LENT = [("peers.elsewhere.Thing", 1 << 40, number) for number in range(1, 4)]
NOBODYS = (wire.LOCAL_REF, ("peers.elsewhere.Other", 5, 6))


@pytest.fixture
def client(serve):
    """A client that the test plays."""
    with wire.Raw(serve("gates:gates").port) as raw:
        yield raw


def exchange(client, *boxes):
    """Have a call refused; return what it was told and what was given back."""
    client.send(wire.request(1, wire.CALL, *boxes))
    told, given_back = None, []
    while told is None or len(given_back) < len(LENT):
        kind, seq, body = client.reply()
        if kind == wire.EXCEPTION:
            told = seq
        else:
            assert (kind, body[0]) == (wire.REQUEST, wire.DEL)
            (_, identity), count = body[1][1]
            assert count == wire.boxed(1)
            given_back.append(identity)
    return told, given_back


def lent():
    return (wire.TUPLE, tuple((wire.REMOTE_REF, identity) for identity in LENT))


def test_with_a_call_of_what_was_never_lent(client):
    told, given_back = exchange(client, NOBODYS, lent(), wire.boxed(()))
    assert told == 1
    assert sorted(given_back) == LENT


def test_with_a_call_whose_other_arguments_make_no_sense(client):
    root = (wire.LOCAL_REF, client.root())
    told, given_back = exchange(client, root, wire.boxed("no arguments"), lent(), NOBODYS)
    assert told == 1
    assert sorted(given_back) == LENT


def test_with_a_call_with_a_label_that_does_not_exist(client):
    root = (wire.LOCAL_REF, client.root())
    told, given_back = exchange(client, root, (99, 1), lent())
    assert told == 1
    assert sorted(given_back) == LENT
