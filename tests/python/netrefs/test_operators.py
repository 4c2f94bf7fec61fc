"""Every operator and protocol of Python, on a remote object and on a local one alike."""

import math
import operator
import os

import pytest

from harness.combos import with_pure
from peers.netrefs import BINARY, Full

pytestmark = with_pure

BINARY_FUNCTIONS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "matmul": operator.matmul,
    "truediv": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "divmod": divmod,
    "pow": pow,
    "lshift": operator.lshift,
    "rshift": operator.rshift,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
}

KEYWORDS = {"a": 1, "b": 2}

UNARY = {
    "bool": bool,
    "len": len,
    "int": int,
    "float": float,
    "complex": complex,
    "bytes": bytes,
    "index": operator.index,
    "neg": operator.neg,
    "pos": operator.pos,
    "abs": abs,
    "invert": operator.invert,
    "round": round,
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "list": list,
    "tuple": tuple,
    "hash": hash,
    "repr": repr,
    "str": str,
    "fspath": os.fspath,
    "format": lambda x: f"{x:>spec}",
    "plain format": lambda x: f"{x}",
    "reversed": lambda x: list(reversed(x)),
    "length hint": operator.length_hint,
    "round to digits": lambda x: round(x, 2),
    "index into": lambda x: [0, 1, 2, 3][x],
    "range": lambda x: list(range(x)),
    "unpack": lambda x: [*x, *x],
    "sum": sum,
    "max": max,
    "sorted": sorted,
    "hex": hex,
    "join": lambda x: ",".join(map(str, x)),
    "in": lambda x: (5 in x, 6 in x),
    "getitem": lambda x: x["key"],
    "slice": lambda x: x[1:2],
    "stepped slice": lambda x: x[::2],
    "tuple key": lambda x: x[1, 2],
    "dir": lambda x: sorted(dir(x)),
    "any": any,
    "zip": lambda x: list(zip(x, x, strict=True)),
    "call": lambda x: x(),
    "call with arguments": lambda x: x(1, "two", key=3),
    "call with stars": lambda x: x(*(1, 2), **KEYWORDS),
}


@pytest.mark.parametrize("name", UNARY)
def test_a_remote_object_answers_like_a_local_one(remote, name):
    action = UNARY[name]
    assert action(remote.Full()) == action(Full())


def test_truth_follows_the_remote_object(remote):
    assert not remote.Full(0)
    assert remote.Full(1)
    assert remote.Bare()


@pytest.mark.parametrize("name", BINARY)
def test_a_binary_operator_with_the_remote_object_on_the_left(remote, name):
    assert BINARY_FUNCTIONS[name](remote.Full(), 3) == (name, 3)


@pytest.mark.parametrize("name", BINARY)
def test_a_binary_operator_with_the_remote_object_on_the_right(remote, name):
    assert BINARY_FUNCTIONS[name](3, remote.Full()) == (f"r{name}", 3)


@pytest.mark.parametrize("name", [n for n in BINARY if n != "divmod"])
def test_an_in_place_operator_changes_the_remote_object(remote, name):
    target = original = remote.Full()
    target = getattr(operator, f"i{name}")(target, 4)
    assert target is original
    assert tuple(original.seen[0]) == (f"i{name}", 4)


def test_three_argument_pow(remote):
    assert pow(remote.Full(), 3) == ("pow", 3)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (operator.lt, "lt"),
        (operator.le, "le"),
        (operator.gt, "gt"),
        (operator.ge, "ge"),
    ],
)
def test_ordering_runs_on_the_remote_object(remote, function, name):
    assert function(remote.Full(), 9) == (name, 9)


def test_equality_runs_on_the_remote_object(remote):
    five = remote.Full()
    assert (five == 5, five == 6, five != 5, five != 6) == (True, False, False, True)


def test_a_local_value_on_the_left_of_a_comparison(remote):
    assert operator.lt(9, remote.Full()) == ("gt", 9)
    assert operator.eq(5, remote.Full())


def test_an_order_by_one_method_serves_both_directions(remote):
    one, two = remote.OnlyLess(1), remote.OnlyLess(2)
    assert (one < two, two < one, one > two, two > one) == (True, False, False, True)
    assert [item.value for item in sorted([two, one], reverse=True)] == [2, 1]
    assert max(one, two) is two
    one, two = remote.OnlyAtMost(1), remote.OnlyAtMost(2)
    assert (one <= two, two <= one, one >= two, two >= one) == (True, False, False, True)


def test_an_order_that_neither_side_has_is_a_type_error(remote):
    one, two = remote.OnlyLess(1), remote.OnlyLess(2)
    for function in (operator.le, operator.ge):
        with pytest.raises(TypeError):
            function(one, two)


def test_items_are_set_and_deleted(remote):
    target = remote.Full()
    target["a"] = 1
    target[1:2] = "part"
    del target["b"]
    assert [tuple(event) for event in target.seen] == [
        ("setitem", "a", 1),
        ("setitem", slice(1, 2, None), "part"),
        ("delitem", "b"),
    ]


def test_an_operator_the_class_lacks_is_a_type_error(remote):
    bare = remote.Bare()
    for action in (
        len,
        iter,
        lambda x: x + 1,
        lambda x: x[0],
        lambda x: x(),
        abs,
        lambda x: 1 in x,
        lambda x: -x,
        int,
        lambda x: x < 1,
    ):
        with pytest.raises(TypeError):
            action(bare)


def test_a_remote_list_behaves_as_a_sequence(classic):
    items = classic.eval("[3, 1, 2]")
    items.append(4)
    items[0] = 30
    items += [5]
    del items[1]
    assert (len(items), items[-1], 2 in items, items.index(2)) == (4, 5, True, 1)
    assert list(items) == [30, 2, 4, 5]
    assert list(reversed(items)) == [5, 4, 2, 30]
    first, *rest = items
    assert (first, rest) == (30, [2, 4, 5])


def test_a_remote_dict_behaves_as_a_mapping(classic):
    table = classic.eval("{'a': 1, 'b': 2}")
    table["c"] = 3
    assert table.get("missing", "default") == "default"
    assert sorted(table) == ["a", "b", "c"]
    assert dict(table) == {"a": 1, "b": 2, "c": 3}
    assert {**table}["b"] == 2
    assert dict(**table)["c"] == 3
    assert next((k, v) for k, v in table.items()) == ("a", 1)
    with pytest.raises(KeyError):
        _ = table["missing"]


def test_a_remote_set_behaves_as_a_set(classic):
    members = classic.eval("{1, 2}")
    members.add(3)
    assert 3 in members
    assert sorted(members | classic.eval("{9}")) == [1, 2, 3, 9]


def test_text_and_bytes_and_numbers_are_values_not_references(classic):
    for text, kind in (
        ("'text'", str),
        ("b'bytes'", bytes),
        ("7", int),
        ("2**200", int),
        ("1.5", float),
        ("1j", complex),
        ("None", type(None)),
        ("True", bool),
        ("(1, (2, 'x'))", tuple),
        ("frozenset((1, 2))", frozenset),
        ("slice(1, 2)", slice),
        ("...", type(...)),
        ("NotImplemented", type(NotImplemented)),
    ):
        value = classic.eval(text)
        assert type(value) is kind
        assert value == eval(text)


def test_a_subclass_of_a_value_type_stays_a_reference(classic, rpyc):
    import_enum = "__import__('enum').IntEnum('Colour', 'RED GREEN').RED"
    assert isinstance(classic.eval(import_enum), rpyc.BaseNetref)
