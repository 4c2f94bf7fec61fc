"""Built-in exceptions of the peer, as they arrive here."""

import pytest

from harness.combos import stock_bug, with_pure
from harness.impls import submodule

pytestmark = with_pure


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("ValueError", ("wrong", 3)),
        ("KeyError", ("key",)),
        ("IndexError", ()),
        ("TypeError", ("text",)),
        ("AttributeError", ("attribute",)),
        ("OSError", (5, "broken")),
        ("RuntimeError", (None,)),
        ("NotImplementedError", ()),
        ("MemoryError", ("much",)),
        ("RecursionError", ("deep",)),
        ("EOFError", ("end",)),
        ("ConnectionError", ("link",)),
        ("TimeoutError", ("late",)),
        ("BufferError", ()),
        ("StopAsyncIteration", ()),
        ("UnicodeDecodeError", ("utf-8", b"\xff", 0, 1, "invalid")),
        ("Warning", ("careful",)),
        ("AssertionError", ("claim",)),
        ("ImportError", ("module",)),
        ("SyntaxError", ("bad",)),
    ],
)
def test_an_error_is_caught_by_its_own_type_and_keeps_its_arguments(failing, name, args):
    kind = getattr(__import__("builtins"), name)
    with pytest.raises(kind) as caught:
        getattr(failing, "raise")(name, *args)
    assert caught.value.args == args
    assert type(caught.value).__name__ == name


def test_an_error_is_caught_by_its_base_types(failing):
    with pytest.raises(LookupError):
        getattr(failing, "raise")("KeyError", 1)
    with pytest.raises(ArithmeticError):
        getattr(failing, "raise")("ZeroDivisionError", 1)


def test_the_error_number_and_file_name_of_an_os_error_arrive(failing):
    with pytest.raises(FileNotFoundError) as caught:
        failing.open_missing()
    assert caught.value.errno == 2
    assert caught.value.filename == "/no/such/file"
    assert "No such file" in caught.value.strerror


def test_attributes_arrive_as_values_or_as_text(failing):
    with pytest.raises(RuntimeError) as caught:
        failing.with_attributes()
    assert caught.value.number == 5
    assert caught.value.structure == "[1, 2]"
    assert not hasattr(caught.value, "_private")


def test_an_argument_that_is_no_value_arrives_as_its_text(failing):
    with pytest.raises(Exception) as caught:
        failing.hidden_custom()
    assert caught.value.args[0] == "not importable"
    assert caught.value.args[1].startswith("<object object at")


def test_stop_iteration_arrives_without_a_traceback(failing):
    with pytest.raises(StopIteration):
        getattr(failing, "raise")("StopIteration")


def test_the_connection_survives_any_number_of_errors(failing):
    for _ in range(50):
        with pytest.raises(ValueError):
            getattr(failing, "raise")("ValueError", "again")
    with pytest.raises(KeyError):
        getattr(failing, "raise")("KeyError", 1)


def test_the_wrong_number_of_arguments_is_a_type_error(failing):
    with pytest.raises(TypeError):
        failing.open_missing(1, 2, 3)


def test_system_exit_of_the_peer_is_sent_here_by_default(failing):
    with pytest.raises(SystemExit) as caught:
        getattr(failing, "raise")("SystemExit", 3)
    assert caught.value.code == 3


@stock_bug("an exception group cannot be rebuilt without its arguments", client="stock")
def test_an_exception_group_keeps_its_message(failing):
    with pytest.raises(Exception) as caught:
        failing.group()
    assert "several" in str(caught.value)


def test_an_error_whose_text_fails_still_arrives(failing):
    with pytest.raises(Exception) as caught:
        failing.unprintable()
    assert "UnprintableError" in type(caught.value).__name__


def test_an_error_of_this_side_is_caught_by_its_type_over_there(failing):
    def raise_key_error():
        raise KeyError("mine")

    name, text, is_key_error = failing.catch(raise_key_error)
    assert (name, is_key_error) == ("KeyError", True)
    assert "mine" in text


def test_an_error_crosses_twice_and_is_still_its_type(failing):
    def raise_key_error():
        raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        failing.call(raise_key_error)
    assert caught.value.args == ("mine",)


def test_timeouts_of_results_are_builtin_timeout_errors(lib):
    assert lib.AsyncResultTimeout is TimeoutError
    assert submodule(lib, "core.async_").AsyncResultTimeout is TimeoutError
