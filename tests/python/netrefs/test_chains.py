"""RPyC over RPyC: a middle process hands on objects of others."""

import pytest

from harness.combos import stock_bug

# Whether the ids of two processes are the same is up to their memory.
collide = stock_bug(
    "objects of two upstreams with the same id are one", server="stock", strict=False
)


@pytest.fixture
def middle(connect):
    return connect("chains:middle")


@pytest.fixture
def end(servers, server_impl):
    """The far end: a server of the middle's implementation, a process for each connection."""
    return servers.get(server_impl, "chains:end", server="ForkingServer")


@pytest.fixture
def reach(middle, end):
    """A function that has the middle connect on, and returns what the far end offers."""
    return lambda: middle.root.reach(end.port)


def test_calls_and_callbacks_go_through_the_middle(reach):
    far = reach()
    assert far.pid() > 0
    assert far.call(lambda x: x + 1, 41) == 42


def test_an_object_keeps_its_identity_on_the_way_back(reach, middle):
    far = reach()
    thing = far.sized()
    assert len(thing) == 5
    assert far.same(thing, thing)
    assert middle.root.same(thing, thing)
    assert not middle.root.same(thing, far.sized())


def test_an_object_of_this_side_keeps_its_identity(reach):
    mine = object()
    assert reach().call(lambda x: x is mine, mine)


def test_a_class_from_afar_is_one_class(reach):
    far = reach()
    kind = far.kind_of_things()
    assert isinstance(far.sized(), kind)
    assert isinstance(far.indexed(), kind)


@collide
def test_objects_of_two_processes_with_the_same_id_are_two(reach, middle):
    first, second = reach(), reach()
    assert middle.root.ids(first) == middle.root.ids(second)  # forks of one process
    assert first.pid() != second.pid()
    assert not middle.root.same(first, second)


@collide
def test_classes_of_two_processes_with_the_same_number_are_two(reach, middle):
    sized, indexed = reach().sized(), reach().indexed()
    assert middle.root.ids(sized)[:2] == middle.root.ids(indexed)[:2]
    assert len(sized) == 5
    assert indexed[21] == 42
    assert (sized.kind, indexed.kind) == ("sized", "indexed")
    with pytest.raises(TypeError):
        len(indexed)
