"""Classic mode: the remote interpreter as if it were at hand."""

import os

import pytest

from harness.combos import with_pure

pytestmark = with_pure


def test_a_remote_module_is_an_attribute_of_modules(classic):
    assert classic.modules.os.getpid() != os.getpid()
    assert classic.modules.sys.version_info[0] == 3


def test_a_dotted_module_is_an_item_of_modules(classic):
    dom = classic.modules["xml.dom.minidom"]
    assert dom.parseString("<a/>").documentElement.tagName == "a"


def test_a_submodule_is_reached_through_attributes(classic):
    assert classic.modules.os.path.join("a", "b") == "a/b"
    assert classic.modules.xml.dom.minidom.__name__ == "xml.dom.minidom"


def test_modules_are_cached(classic):
    assert classic.modules.os is classic.modules.os
    assert classic.modules["os.path"] is classic.modules["os.path"]


def test_a_missing_module_is_an_attribute_error_by_name_and_an_import_error_by_item(classic):
    with pytest.raises(AttributeError):
        _ = classic.modules.no_such_module_anywhere
    with pytest.raises(ImportError):
        _ = classic.modules["no_such_module_anywhere"]
    assert not hasattr(classic.modules, "no_such_module_anywhere")


def test_whether_a_module_can_be_imported(classic):
    assert "json" in classic.modules
    assert "no_such_module_anywhere" not in classic.modules


def test_builtins_under_both_names(classic):
    assert classic.builtins.len("four") == 4
    assert classic.builtin.sorted((2, 1))[0] == 1


def test_eval_returns_values_and_references(classic):
    assert classic.eval("6 * 7") == 42
    remote = classic.eval("[1, 2, 3]")
    assert remote[1] == 2


def test_execute_and_eval_share_the_namespace(classic):
    classic.execute("import math\nradius = 2")
    assert classic.eval("math.pi * radius") == pytest.approx(6.283185307)
    assert classic.namespace["radius"] == 2


def test_the_namespace_can_be_written_and_cleared(classic):
    classic.namespace["answer"] = 42
    assert classic.eval("answer + 1") == 43
    del classic.namespace["answer"]
    with pytest.raises(NameError):
        classic.eval("answer")


def test_execute_defines_functions_that_can_be_called(classic):
    classic.execute("def triple(value):\n    return 3 * value\n")
    assert classic.namespace["triple"](5) == 15
    assert classic.namespace["triple"](value="ab") == "ababab"


def test_a_syntax_error_in_remote_text_is_a_syntax_error_here(classic):
    with pytest.raises(SyntaxError):
        classic.execute("def broken(:")


def test_each_connection_has_a_namespace_of_its_own(connect, rpyc):
    first = connect("classic:slave", client_service=rpyc.ClassicService)
    second = connect("classic:slave", client_service=rpyc.ClassicService)
    first.namespace["mine"] = 1
    assert "mine" not in second.namespace


def test_changes_of_remote_state_stay(classic):
    classic.modules.sys.path.append("lucy")
    assert classic.modules.sys.path[-1] == "lucy"
    assert classic.eval("__import__('sys').path[-1]") == "lucy"
    classic.modules.sys.path.pop()


def test_attributes_of_remote_modules_can_be_set_and_deleted(classic):
    json = classic.modules.json
    json.added_here = 5
    assert classic.eval("__import__('json').added_here") == 5
    del json.added_here
    assert not hasattr(json, "added_here")


def test_remote_classes_are_instantiated_and_used(classic):
    counter = classic.modules.collections.Counter("hello")
    assert counter["l"] == 2
    assert classic.modules.fractions.Fraction(1, 3).denominator == 3


def test_the_environment_and_the_directory_of_the_peer(classic):
    os_there = classic.modules.os
    os_there.environ["SINEW_TEST"] = "set"
    assert classic.eval("__import__('os').environ['SINEW_TEST']") == "set"
    assert os_there.environ.get("SINEW_NOT_SET", "default") == "default"
    assert isinstance(os_there.getcwd(), str)


def test_a_remote_function_takes_a_local_function(classic):
    assert list(classic.builtins.map(lambda x: x * 2, (1, 2, 3))) == [2, 4, 6]
    ordered = classic.builtins.sorted((3, 1, 2), key=lambda x: -x)
    assert list(ordered) == [3, 2, 1]


def test_the_peer_sees_objects_of_this_side(classic):
    mine = {"key": "value"}
    classic.namespace["theirs"] = mine
    assert classic.eval("theirs['key']") == "value"
    classic.execute("theirs['new'] = 1")
    assert mine["new"] == 1
    assert classic.namespace["theirs"] is mine


def test_remote_files_are_used_like_local_ones(classic, tmp_path):
    path = str(tmp_path / "note.txt")
    with classic.builtins.open(path, "w") as file:
        file.write("first\nsecond\n")
    with classic.builtins.open(path) as file:
        assert [line.strip() for line in file] == ["first", "second"]


def test_the_slave_hands_out_its_own_connection(classic):
    theirs = classic.root.getconn()
    assert theirs.closed is False
    assert theirs.root is not None


def test_locals_around_a_remote_call_name_the_connection(classic):
    """Programs find the peer's connection in the frame that surrounds their call."""
    frame_locals = classic.builtins.locals()
    assert frame_locals["self"]._last_traceback is None
