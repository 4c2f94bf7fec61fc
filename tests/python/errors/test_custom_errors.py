"""Exception classes that are not built in, and exceptions that end programs."""

import importlib
import sys

import pytest

from harness.combos import only, with_pure
from harness.impls import submodule

pytestmark = with_pure


def raise_custom(connect, **config):
    conn = connect("failures:failures", config=config)
    with pytest.raises(Exception) as caught:
        conn.root.custom(9, "nine")
    return caught.value


def test_an_unknown_class_becomes_a_generic_one_of_the_same_name(connect, rpyc):
    error = raise_custom(connect)
    assert isinstance(error, rpyc.GenericException)
    assert type(error).__name__ == "peers.failures.CustomError"
    assert error.args == (9, "nine")
    assert (error.code, error.detail) == (9, "nine")


def test_generic_classes_are_the_same_for_the_same_name(connect):
    assert type(raise_custom(connect)) is type(raise_custom(connect))


def test_a_class_that_is_loaded_here_is_used_if_allowed(connect):
    failures = importlib.import_module("peers.failures")
    error = raise_custom(connect, instantiate_custom_exceptions=True)
    assert isinstance(error, failures.CustomError)
    assert (error.code, error.detail) == (9, "nine")
    assert "Remote Traceback" in str(error)


def test_a_class_is_imported_only_if_that_is_allowed(connect, rpyc, monkeypatch):
    monkeypatch.delitem(sys.modules, "peers.failures", raising=False)
    error = raise_custom(connect, instantiate_custom_exceptions=True)
    assert isinstance(error, rpyc.GenericException)
    assert "peers.failures" not in sys.modules
    error = raise_custom(connect, instantiate_custom_exceptions=True, import_custom_exceptions=True)
    assert type(error).__mro__[1].__name__ == "CustomError"
    assert "peers.failures" in sys.modules


def test_a_local_class_of_the_peer_is_generic_whatever_is_allowed(connect, rpyc):
    conn = connect(
        "failures:failures",
        config={"instantiate_custom_exceptions": True, "import_custom_exceptions": True},
    )
    with pytest.raises(rpyc.GenericException) as caught:
        conn.root.hidden_custom()
    assert caught.value.colour == "red"


def test_in_classic_mode_custom_classes_are_imported(classic):
    classic.execute("import peers.failures")
    with pytest.raises(Exception) as caught:
        classic.execute("raise peers.failures.CustomError(1, 'one')")
    assert type(caught.value).__name__ in ("CustomError", "peers.failures.CustomError")
    assert caught.value.code == 1


def interrupt():
    raise KeyboardInterrupt("mine")


def test_keyboard_interrupt_raised_while_serving_stays_here(connect):
    """The default: Ctrl-C in a callback ends the program of the side where it was typed."""
    conn = connect("failures:failures")
    with pytest.raises(KeyboardInterrupt):
        conn.root.call(interrupt)


def test_keyboard_interrupt_can_be_sent_to_the_caller_instead(connect):
    conn = connect("failures:failures", config={"propagate_KeyboardInterrupt_locally": False})
    with pytest.raises(KeyboardInterrupt) as caught:
        conn.root.call(interrupt)
    assert "Remote Traceback (2)" in str(caught.value)


def test_system_exit_can_be_kept_local(connect):
    conn = connect("failures:failures", config={"propagate_SystemExit_locally": True})

    def leave():
        raise SystemExit(4)

    with pytest.raises(SystemExit) as caught:
        conn.root.call(leave)
    assert caught.value.code == 4
    assert not hasattr(caught.value, "_remote_tb")


def dump_and_load(lib, error, **load_flags):
    vinegar = submodule(lib, "core.vinegar")
    try:
        raise error
    except BaseException:
        kind, value, tb = sys.exc_info()
        dumped = vinegar.dump(
            kind, value, tb, include_local_traceback=True, include_local_version=True
        )
    flags = {
        "import_custom_exceptions": False,
        "instantiate_custom_exceptions": False,
        "instantiate_oldstyle_exceptions": False,
        **load_flags,
    }
    return dumped, vinegar.load(dumped, **flags)


def test_vinegar_dumps_names_arguments_attributes_and_text(lib):
    dumped, _ = dump_and_load(lib, ZeroDivisionError("division"))
    (module, name), args, attributes, text = dumped
    assert (module, name, args) == ("builtins", "ZeroDivisionError", ("division",))
    assert dict(attributes)["_remote_version"] == submodule(lib, "version").__version__
    assert "ZeroDivisionError: division" in text
    assert submodule(lib, "core.brine").dumpable(dumped)


def test_vinegar_loads_what_it_dumped(lib):
    _, error = dump_and_load(lib, OSError(5, "text", "file"))
    assert isinstance(error, OSError)
    assert (error.errno, error.filename) == (5, "file")


def test_vinegar_dumps_stop_iteration_as_a_number(lib):
    dumped, loaded = dump_and_load(lib, StopIteration(3))
    assert dumped == 1
    assert loaded is StopIteration or isinstance(loaded, StopIteration)


HOSTILE = [
    (("builtins", "eval"), ("1+1",), (), "text"),
    (("builtins", "object"), (), (), "text"),
    (("os", "system"), ("true",), (), "text"),
    (("builtins", "KeyboardInterrupt.__init__"), (), (), "text"),
    (("no.such", "Name with spaces"), ("x",), (("attr", 1),), "text"),
    (("builtins", "ValueError"), (), (("__class__", 5), ("__dict__", 7), ("args", 3)), "text"),
]


@pytest.mark.parametrize("dumped", HOSTILE)
def test_vinegar_never_makes_anything_but_exceptions(lib, dumped):
    vinegar = submodule(lib, "core.vinegar")
    try:
        error = vinegar.load(
            dumped,
            import_custom_exceptions=False,
            instantiate_custom_exceptions=True,
            instantiate_oldstyle_exceptions=False,
        )
    except Exception as refused:
        error = refused
    assert isinstance(error, BaseException)


@only(client="ours", server="ours")
def test_hostile_module_names_are_not_imported(connect):
    assert "antigravity" not in sys.modules
    vinegar = submodule(importlib.import_module("sinew.rpyc"), "core.vinegar")
    vinegar.load(
        (("antigravity", "X"), (), (), ""),
        import_custom_exceptions=False,
        instantiate_custom_exceptions=True,
        instantiate_oldstyle_exceptions=False,
    )
    assert "antigravity" not in sys.modules
