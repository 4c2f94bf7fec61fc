"""`@sinew.expose` counts for every object that a peer gets hold of, whoever the peer is."""

import pytest

from harness.combos import only

pytestmark = only(server="ours")


@pytest.fixture
def root(connect):
    return connect("marked:lab").root


@pytest.fixture
def scope(root):
    return root.make("Scope")


def denied(thing, name):
    """Tell whether reading and calling an attribute are both refused by its owner."""
    for handler, arguments in ((4, ()), (8, ((),))):
        with pytest.raises(AttributeError):
            thing.____conn__.sync_request(handler, thing, name, *arguments)
    return True


def test_a_marked_method_of_a_returned_object(scope):
    assert scope.sample(1, 2, key=3) == ("sample", (1, 2), (("key", 3),))
    method = scope.sample
    assert method() == ("sample", (), ())


def test_a_marked_property_is_read_and_set(scope):
    assert scope.level == 1
    scope.level = 4
    assert scope.level == 4


def test_a_marked_property_without_setter_and_an_unmarked_one_are_not_set(scope):
    for name in ("fixed", "secret_level", "gain", "sample", "new"):
        with pytest.raises(AttributeError):
            setattr(scope, name, 9)
    for name in ("level", "sample"):
        with pytest.raises(AttributeError):
            delattr(scope, name)
    assert scope.level == 1


def test_class_and_static_methods(scope):
    assert scope.of_class() == "Scope"
    assert scope.static(1) == 2


def test_a_special_method_that_is_not_safe_by_itself(scope):
    assert scope @ 3 == ("matmul", 3)


def test_a_nested_class_and_its_instances(scope):
    probe = scope.Probe()
    assert (probe.touch(), probe.name) == ("probe", "probe")
    assert denied(probe, "_private")


@pytest.mark.parametrize(
    "name", ["secret", "secret_level", "limit", "gain", "hidden", "__init__", "__class__", "no"]
)
def test_what_is_not_marked_is_not_open(scope, name):
    assert denied(scope, name)


def test_a_subclass_opens_what_it_inherits_and_not_what_it_overrides(root):
    quiet = root.make("Quiet")
    assert quiet.static(1) == 2
    assert denied(quiet, "sample")


def test_a_class_that_is_marked_opens_its_public_members(root):
    whole = root.make("Whole")
    assert (whole.method(), whole.computed, whole.number) == ("method", "computed", 7)
    assert denied(whole, "_private")


def test_a_subclass_of_a_marked_class_opens_nothing_of_its_own(root):
    child = root.make("Child")
    assert child.computed == "computed"
    for name in ("method", "added", "number", "_private"):
        assert denied(child, name)


def test_marking_a_class_does_not_mark_what_it_refers_to(root):
    holder = root.make("Holder")
    assert denied(holder, "kept")
    assert denied(holder, "helper")


def test_marked_members_of_a_class_itself(root):
    kind = root.class_of("Scope")
    assert (kind.of_class(), kind.static(2)) == ("Scope", 3)
    assert kind().sample() == ("sample", (), ())
    assert denied(kind, "secret")


def test_a_service_may_use_marks_and_prefixes(root):
    assert root.marked() == "marked"
    assert denied(root, "unmarked")


def test_marks_are_switched_off_with_the_prefix(connect):
    conn = connect("marked:lab", server_config={"allow_exposed_attrs": False, "safe_attrs": ()})
    assert denied(conn.root, "marked")
    conn = connect("marked:lab", server_config={"exposed_prefix": "shown_"})
    assert conn.root.marked() == "marked"


def test_reading_can_be_switched_off(connect):
    conn = connect("marked:lab", server_config={"allow_getattr": False})
    assert denied(conn.root, "marked")


class Claims:
    """Says of the mark that it is there."""

    asked = ()

    def __getattr__(self, name):
        Claims.asked += (name,)
        if name != "__sinew_exposed__":
            raise AttributeError(name)
        return True


def test_a_peers_object_cannot_mark_itself(connect):
    conn = connect("marked:lab", config={"allow_all_attrs": True})
    borrower = conn.root.borrow(Claims())
    assert denied(borrower, "borrowed")
    assert "__sinew_exposed__" not in Claims.asked
