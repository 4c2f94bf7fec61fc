"""What a Python client, ours or stock, sees of an object that a C++ program serves."""

import gc
import inspect
import pydoc
import re
import threading

import pytest

from harness.waiting import eventually


def test_methods_take_positional_and_named_arguments_and_defaults(root):
    assert root.add(1, 3) == 4
    assert root.add(1) == 3
    assert root.add(b=5, a=1) == 6


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((1, 2, 3), {}, r"add() takes 2 arguments but 3 were given"),
        ((), {}, r"add() missing the argument 'a'"),
        ((1,), {"c": 2}, r"add() got an unexpected keyword argument 'c'"),
        ((1,), {"a": 2}, r"add() got multiple values for argument 'a'"),
        (("x",), {}, r"add(): argument 'a': 'x' (str) is not an int"),
        ((2**40,), {}, r"add(): argument 'a': 1099511627776 does not fit in 32 bits"),
    ],
)
def test_wrong_arguments_are_a_type_error_that_says_which(root, args, kwargs, message):
    with pytest.raises(TypeError) as caught:
        root.add(*args, **kwargs)
    assert caught.value.args == (message,)


def test_an_overload_is_chosen_by_its_arguments(root):
    assert root.describe(3) == "int 3"
    assert root.describe("x") == "str x"
    with pytest.raises(TypeError) as caught:
        root.describe(1.5)
    assert "; or " in caught.value.args[0]


def test_properties_are_read_and_written(root, connect):
    conn = connect(allow_setattr=True)
    assert conn.root.rate == 1000
    conn.root.rate = 50.0
    assert conn.root.rate == 50
    conn.root.label = "left"
    assert conn.root.label == "left"
    assert root.label == "scope", "each client has a scope of its own"
    assert root.CHANNELS == 2
    with pytest.raises(ValueError, match="the rate must be positive"):
        conn.root.rate = -1


def test_what_is_not_defined_is_not_there(root):
    for name in ("nothing", "__class__x", "exposed_nothing", "_rate", "rate_"):
        with pytest.raises(AttributeError) as caught:
            getattr(root, name)
        assert "has no attribute" in str(caught.value)
    for name in ("CHANNELS", "add", "new"):
        with pytest.raises(AttributeError):
            setattr(root, name, 1)
        with pytest.raises(AttributeError):
            delattr(root, name)


def test_names_with_rpycs_prefix_are_the_same(root):
    assert root.exposed_add(1, 1) == 2


def test_a_reference_that_a_method_returns_is_the_object_itself(root):
    channel = root.channel(number=1)
    assert channel.number == 1
    channel.offset = 2.5
    assert root.channel(1).offset == 2.5
    assert root.channel(1) is channel
    assert root.channel(0).offset == 0


def test_a_part_keeps_what_it_belongs_to(connect):
    conn = connect()
    channel = conn.root.channel(0)
    conn._remote_root = None  # where stock keeps it
    gc.collect()
    assert channel.number == 0


def test_objects_that_are_handed_over_die_when_they_are_given_back(root):
    before = root.living()
    made = [root.made(number) for number in range(100)]
    assert root.living() == before + 100
    assert root.number_of(made[7]) == 7
    del made
    gc.collect()
    eventually(lambda: root.living() == before)


def test_only_an_object_of_the_right_type_comes_home(root):
    for wrong in (root, 3, [1]):
        with pytest.raises(TypeError, match=r"lab\.Channel"):
            root.number_of(wrong)


def test_containers_cross_as_tuples_and_are_read_from_lists(root):
    assert root.samples(3) == (0, 0.001, 0.002)
    assert root.total([1, 2, 3]) == 6
    assert root.total((4, 5)) == 9
    assert root.total({6, 7}) == 13
    with pytest.raises(TypeError):
        root.total(["x"])


def test_a_stream_of_items_is_an_iterator(root, lib):
    assert list(root.numbers(5)) == [0, 1, 2, 3, 4]
    assert list(lib.buffiter(root.numbers(1000), chunk=7)) == list(range(1000))
    iterator = root.numbers(1)
    assert next(iterator) == 0
    with pytest.raises(StopIteration):
        next(iterator)
    with pytest.raises(StopIteration):
        next(iterator)


def test_special_methods_make_what_python_expects(root):
    assert len(root) == 2
    assert root[1].number == 1
    with pytest.raises(IndexError, match="channels are 0 and 1"):
        root[2]


def test_python_functions_are_called_back(root):
    assert root.call(lambda x: x + 1, 41) == 42
    assert root.call(sorted, [3, 1, 2]) == [1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        root.call(lambda x: 1 / x, 0)
    wrapped = root.on_event(lambda event: event * 10)
    assert wrapped(4) == 41


def test_callbacks_go_to_and_fro(root):
    def down(n):
        return 0 if n == 0 else 1 + root.call(down, n - 1)

    assert root.call(down, 20) == 20


@pytest.mark.parametrize(
    ("how", "kind", "args"),
    [
        ("broken", RuntimeError, ("broken",)),
        ("python", KeyError, ("lamp",)),
        ("unknown", RuntimeError, ("an exception of an unknown C++ type",)),
        ("memory", MemoryError, ("out of memory",)),
    ],
)
def test_a_cpp_exception_is_the_python_exception_that_fits(root, how, kind, args):
    with pytest.raises(kind) as caught:
        root.fail(how)
    assert caught.value.args == args
    assert "C++" in caught.value._remote_tb


def test_a_system_error_has_its_number(root):
    with pytest.raises(FileNotFoundError) as caught:
        root.fail("system")
    assert caught.value.errno == 2


def test_dir_help_and_signature(root):
    assert {"add", "rate", "CHANNELS", "channel"} <= set(dir(root))
    assert str(inspect.signature(root.add)) == "(a, b=2)"
    assert str(inspect.signature(root.describe)) == "(*args, **kwargs)"
    assert inspect.getdoc(root.describe) == "describe(number)\ndescribe(arg1, /)\n\nEither."
    text = pydoc.render_doc(root, renderer=pydoc.plaintext)
    assert "Adds two integers." in text
    assert "add(a, b=2)" in pydoc.render_doc(root.add, renderer=pydoc.plaintext)


def test_objects_have_identity_and_text(root):
    assert root == root
    assert root != root.channel(0)
    assert hash(root) == hash(root)
    assert re.fullmatch(r"<lab\.Scope object \d+>", repr(root)), "no address"
    assert str(root) == repr(root)


def test_objects_compare_and_hash_as_their_class_says(root):
    assert root.channel(0) == root.made(0)
    assert root.channel(0) != root.made(1)
    assert root.channel(1) == 1
    assert hash(root.made(5)) == 5
    assert str(root.channel(1)) == "channel 1"


def test_an_iterator_does_not_run_twice_at_once(root):
    def ask():
        with pytest.raises(ValueError, match="iterator already executing"):
            next(iterator)
        return 7

    iterator = root.asks(ask)
    assert next(iterator) == 7
    assert next(iterator) == 7


def test_ten_thousand_objects_are_given_back(root):
    before = root.living()
    made = [root.made(number) for number in range(10_000)]
    assert root.living() == before + 10_000
    assert made[4711].number == 4711
    del made
    gc.collect()
    eventually(lambda: root.living() == before, 20)


def test_pickling_is_refused(root, lib):
    with pytest.raises(ValueError, match="pickling is disabled"):
        lib.classic.obtain(root)


def test_many_clients_at_once(connect):
    conns = [connect() for _ in range(8)]
    wrong = []

    def work(conn, number):
        for i in range(100):
            if conn.root.add(number, i) != number + i:
                wrong.append((number, i))

    threads = [threading.Thread(target=work, args=(c, n)) for n, c in enumerate(conns)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert wrong == []


def test_a_server_that_stops_says_so(connect, server):
    conn = connect()
    assert conn.root.add(1) == 3
    assert server.end() == "living 0"
    with pytest.raises(EOFError):
        conn.root.add(1)
