"""What a netref says about itself: attributes, methods, documentation, identity."""

import copy
import inspect
import weakref

import pytest

from harness.combos import stock_bug, with_pure, without_pure

pytestmark = with_pure


def test_instance_class_and_computed_attributes(remote):
    bare = remote.Bare()
    assert (bare.value, bare.attribute, bare.computed) == (1, "of the class", 10)
    bare.value = 3
    assert bare.computed == 30


def test_a_property_that_fails_fails_with_its_own_error(remote):
    with pytest.raises(LookupError, match="no value"):
        _ = remote.Bare().failing


def test_a_missing_attribute_raises_at_the_access_and_not_later(remote):
    bare = remote.Bare()
    with pytest.raises(AttributeError):
        getattr(bare, "nothing")  # noqa: B009 - the access itself is the subject
    with pytest.raises(AttributeError):
        bare.nothing  # noqa: B018
    assert not hasattr(bare, "nothing")
    assert hasattr(bare, "method")


def test_a_method_is_an_object_that_can_be_kept(remote):
    bare = remote.Bare()
    method = bare.method
    del bare
    assert method(1, 2, key="k", more=3) == (1, (2,), "k", (("more", 3),))


def test_arguments_arrive_as_they_were_passed(remote):
    bare = remote.Bare()
    assert bare.method(1) == (1, (), "default", ())
    assert bare.method(first=1) == (1, (), "default", ())
    assert bare.method(*range(3), key=0, z=1, a=2) == (0, (1, 2), 0, (("a", 2), ("z", 1)))
    with pytest.raises(TypeError):
        bare.method()


def test_names_of_keywords_may_be_any_text(remote):
    assert remote.Bare().method(1, **{"not an identifier": 2}) == (
        1,
        (),
        "default",
        (("not an identifier", 2),),
    )


@stock_bug("a keyword named _self collides, rpyc.md 1.12 'x(...)'", client="stock")
def test_a_keyword_may_be_called_self_with_an_underscore(remote):
    assert remote.Bare().method(1, _self=2) == (1, (), "default", (("_self", 2),))


def test_class_and_static_methods(remote):
    assert remote.Bare.of_class() == "Bare"
    assert remote.Bare().of_class() == "Bare"
    assert remote.Bare.static(1) == 2
    assert remote.Bare().static(1) == 2


def test_attributes_can_be_added_and_removed(remote):
    bare = remote.Bare()
    bare.added = [1]
    assert bare.added == [1]
    del bare.added
    assert not hasattr(bare, "added")
    with pytest.raises(AttributeError):
        bare.computed = 5


def test_documentation_is_fetched_from_the_peer(remote):
    assert remote.Bare().__doc__ == "Documented, and has no special method of its own."
    assert remote.Bare.__doc__ == "Documented, and has no special method of its own."
    assert remote.Bare().method.__doc__ == "Return the arguments."


def test_names_and_dictionaries_of_remote_objects(remote):
    assert remote.Bare.__name__ == "Bare"
    assert remote.numbers.__name__ == "numbers"
    assert remote.Bare().__dict__["value"] == 1
    assert "value" in dir(remote.Bare())
    assert "numbers" in dir(remote)


def test_repr_and_str_are_the_remote_ones(remote, classic):
    assert repr(classic.eval("[1, 'a']")) == "[1, 'a']"
    assert str(remote.Full()) == "full"
    assert "Bare object at" in repr(remote.Bare())
    assert "peers.netrefs" in repr(remote)


def test_the_same_remote_object_is_the_same_netref(remote, classic):
    classic.namespace["kept"] = kept = remote.Bare()
    assert classic.namespace["kept"] is kept
    assert classic.eval("kept") is kept
    assert remote.Bare is remote.Bare


def test_a_new_netref_of_an_old_object_sees_its_state(remote, classic):
    classic.namespace["kept"] = remote.Bare()
    classic.namespace["kept"].value = 9
    assert classic.namespace["kept"].value == 9


def test_two_remote_objects_are_two_netrefs(remote):
    first, second = remote.Bare(), remote.Bare()
    assert first is not second
    assert first != second
    assert first == first


def test_a_local_object_comes_home_as_itself(classic):
    mine = object()
    classic.namespace["mine"] = mine
    assert classic.namespace["mine"] is mine
    assert classic.eval("[mine]")[0] is mine


def test_netrefs_are_hashable_and_usable_as_keys(remote):
    first, second = remote.Bare(), remote.Bare()
    table = {first: "first", second: "second"}
    assert table[first] == "first"
    assert hash(first) != hash(second)
    with pytest.raises(TypeError):
        hash(remote.CLOSED)


def test_a_netref_can_be_referenced_weakly(remote):
    bare = remote.Bare()
    reference = weakref.ref(bare)
    assert reference() is bare
    del bare
    assert reference() is None


def test_an_object_without_dictionary_or_weak_references(remote):
    slotted = remote.Slotted()
    slotted.x = 5
    assert slotted.x == 5
    with pytest.raises(AttributeError):
        slotted.y = 1


def test_the_class_of_a_netref_of_a_builtin_is_that_builtin(classic):
    for text, kind in (("[1]", list), ("{}", dict), ("{1}", set), ("bytearray(b'x')", bytearray)):
        value = classic.eval(text)
        assert value.__class__ is kind
        assert isinstance(value, kind)
        assert not isinstance(value, int)


@stock_bug("a module is no module before 6.0.1, rpyc.md 2.12", client="stock", stock="5.3.1")
def test_a_remote_module_and_function_look_like_one(remote):
    assert inspect.ismodule(remote)
    assert inspect.isfunction(remote.numbers)
    assert callable(remote.numbers)


def test_a_remote_class_looks_like_one(remote):
    assert isinstance(remote.Bare, type)
    assert inspect.isclass(remote.Bare)
    assert len(remote.WithMeta) == 77
    assert remote.WithMeta.of_meta() == "of meta"


def test_an_instance_belongs_to_its_remote_class(remote):
    bare = remote.Bare()
    assert isinstance(bare, remote.Bare)
    assert not isinstance(bare, remote.Full)


def test_callable_tells_the_truth_per_class(remote):
    assert callable(remote.Full())
    assert callable(remote.Bare)
    assert callable(remote.Bare().method)
    assert not callable(remote.Bare())


@stock_bug("netrefs of builtin containers claim to be callable", client="stock")
def test_a_remote_list_is_not_callable(remote):
    assert not callable(remote.CLOSED)


@without_pure("its classes name their own module only")
@stock_bug("another name before 6.0", client="stock", stock="5.3.1")
def test_a_netref_names_its_own_module_and_type(remote, rpyc):
    bare = remote.Bare()
    assert isinstance(bare, rpyc.BaseNetref)
    assert bare.__module__ == "rpyc.core.netref"
    assert "netref" in repr(type(bare))
    assert repr(type(bare)) == "<netref class 'rpyc.core.netref.peers.netrefs.Bare'>"


def test_copying_needs_permission_to_pickle(connect):
    conn = connect("policy:boxes", server_config={"allow_all_attrs": True})
    with pytest.raises(ValueError, match="pickling is disabled"):
        copy.copy(conn.root.box())
