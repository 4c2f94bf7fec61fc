"""A connection class of the program's own that refuses something: over the wire, it is refused."""

import pytest

from harness.combos import only
from harness.impls import submodule

OPEN = {"allow_setattr": True, "allow_delattr": True, "allow_public_attrs": True}


class Held:
    """What a client has got hold of before the service is locked."""

    def __init__(self, conn, consts):
        root = conn.root
        self.root, self.items, self.box, self.kind = root, root.items, root.box, root.kind
        self.add = root.add
        self.iterator = iter(self.items)
        self.ask = lambda name, *args: conn.sync_request(getattr(consts, f"HANDLE_{name}"), *args)


def set_value(held):
    held.box.value = 2


def delete_value(held):
    del held.box.left


def read(held):
    return held.box.value


def call_method(held):
    return held.root.add(1, 2)


def take_slice(held):
    return held.ask("OLDSLICING", held.items, "__getitem__", "__getslice__", 0, 1, ())


def is_box(held):
    return held.ask("INSTANCECHECK", held.kind, held.box.____id_pack__)


# What a client does, by the method that refuses it.
REFUSED = [
    ("_handle_ping", lambda held: held.ask("PING", "data")),
    ("_handle_getroot", lambda held: held.ask("GETROOT")),
    ("_handle_getattr", read),
    ("_handle_getattr", call_method),
    ("_handle_getattr", lambda held: len(held.items)),
    ("_handle_getattr", take_slice),
    ("_handle_getattr", lambda held: held.ask("CTXEXIT", held.box, None)),
    ("_handle_setattr", set_value),
    ("_handle_delattr", delete_value),
    ("_handle_call", lambda held: held.add(1, 2)),
    ("_handle_call", call_method),
    ("_handle_call", lambda held: len(held.items)),
    ("_handle_callattr", lambda held: len(held.items)),
    ("_handle_repr", lambda held: repr(held.items)),
    ("_handle_str", lambda held: str(held.items)),
    ("_handle_hash", lambda held: hash(held.box)),
    ("_handle_dir", lambda held: dir(held.items)),
    ("_handle_cmp", lambda held: held.items == held.items),
    ("_handle_pickle", lambda held: held.ask("PICKLE", held.items, 2)),
    ("_handle_inspect", lambda held: held.ask("INSPECT", held.items.____id_pack__)),
    ("_handle_buffiter", lambda held: held.ask("BUFFITER", held.iterator, 2)),
    ("_handle_oldslicing", take_slice),
    ("_handle_ctxexit", lambda held: held.ask("CTXEXIT", held.box, None)),
    ("_handle_instancecheck", is_box),
    ("_handle_del", lambda held: held.ask("DEL", held.items)),
    *(
        (method, act)
        for method in ("_check_attr", "_access_attr")
        for act in (
            read,
            set_value,
            delete_value,
            lambda held: len(held.items),
            lambda held: held.items == held.items,
        )
    ),
]


@pytest.fixture
def held(connect, rpyc):
    """A function `held(service)` that connects, gets hold of the objects, and locks the service."""

    def hold(service):
        conn = connect(f"restricting:{service}", server_config=OPEN)
        held = Held(conn, submodule(rpyc, "core.consts"))
        conn.root.lock()
        return held

    return hold


@pytest.mark.parametrize(
    ("method", "act"), REFUSED, ids=[f"{i}{method}" for i, (method, _) in enumerate(REFUSED)]
)
def test_a_method_of_a_subclass_refuses_the_request_that_it_serves(held, method, act):
    with pytest.raises(PermissionError, match=f"refused by {method}"):
        act(held(method))


@pytest.mark.parametrize("method", ["_check_attr", "_access_attr", "_handle_getattr"])
@pytest.mark.parametrize("way", ["assigned", "entered"])
def test_a_method_assigned_to_the_connection_refuses(held, method, way):
    locked = held(way + method)
    with pytest.raises(PermissionError, match=f"refused by {method}"):
        len(locked.items)


@only(server="ours")
@pytest.mark.parametrize(
    ("method", "act"),
    [
        ("_handle_getattr", read),
        ("_handle_call", lambda held: held.add(1, 2)),
        ("_handle_repr", lambda held: repr(held.items)),
        ("_handle_inspect", lambda held: held.ask("INSPECT", held.items.____id_pack__)),
    ],
)
def test_a_handler_assigned_to_the_connection_refuses_every_request_of_its_kind(held, method, act):
    """Stock asks it for some only: its table of handlers was made from the class before."""
    with pytest.raises(PermissionError, match=f"refused by {method}"):
        act(held(f"assigned{method}"))


@pytest.mark.parametrize("method", ["_check_attr", "_access_attr"])
def test_a_method_assigned_to_the_class_of_a_connection_in_use_refuses(held, method):
    with pytest.raises(PermissionError, match=f"refused by {method}"):
        read(held(f"patched{method}"))


def test_an_entry_of_the_handlers_refuses(held):
    with pytest.raises(PermissionError, match="refused by the handler"):
        held("replaced").add(1, 2)


def test_a_request_whose_handler_was_removed_in_use_is_refused(held):
    locked = held("removed_later")
    with pytest.raises(KeyError):
        locked.add(1, 2)
    assert locked.ask("PING", 1) == 1


def test_a_subclass_refuses_arguments_in_unbox(connect):
    conn = connect("restricting:hiding", server_config=OPEN)
    assert conn.root.add(1, 2) == 3
    with pytest.raises(PermissionError, match="refused by _unbox"):
        conn.ping(13)
    assert list(conn.root.items) == [1, 2, 3]


@only(server="ours")
def test_a_subclass_refuses_results_in_box(held):
    """In stock that ends the connection."""
    locked = held("hiding")
    with pytest.raises(PermissionError, match="refused by _box"):
        _ = locked.root.items
    assert locked.root.add("a", "b") == "ab"
    assert locked.root.box.value == 1


def test_a_subclass_sees_every_request_and_every_answer(connect, rpyc):
    consts = submodule(rpyc, "core.consts")
    conn = connect("restricting:counting", server_config=OPEN)
    conn.ping("data")
    received = conn.root.received()
    assert received[0] == consts.HANDLE_PING
    assert consts.HANDLE_GETROOT in received
    with pytest.raises(AttributeError):
        _ = conn.root.nothing
    assert conn.root.call(lambda text: text * 2, "call") == "callcall"
    sent = conn.root.sent()
    assert sent[0] == consts.MSG_REPLY
    assert consts.MSG_EXCEPTION in sent
    assert consts.MSG_REQUEST in sent
