"""A limit that a server of ours enforces, as its clients see it, whoever they are."""

import pytest

from harness.combos import only
from harness.impls import submodule

pytestmark = only(server="ours")
SERVICE = "limits:greedy"


def nested(depth):
    value = ()
    for _ in range(depth):
        value = (value,)
    return value


def test_too_deep_is_a_recursion_error(connect):
    conn = connect(SERVICE, server_config={"max_depth": 20})
    with pytest.raises(RecursionError, match="max_depth") as caught:
        conn.root.echo(nested(40))
    assert caught.value.limit == "max_depth"
    assert conn.root.add(1, 2) == 3


def test_another_limit_is_a_value_error(connect):
    conn = connect(SERVICE, server_config={"max_exports": 5})
    with pytest.raises(ValueError, match="max_exports") as caught:
        _ = [conn.root.new_class(number) for number in range(10)]
    assert caught.value.limit == "max_exports"
    assert conn.root.add(1, 2) == 3


@pytest.mark.parametrize("limit", [None, "mine", 5, ("max_depth",), slice(1, 2)])
def test_an_attribute_of_that_name_makes_no_limit_error(rpyc, limit):
    vinegar = submodule(rpyc, "core.vinegar")
    described = (("builtins", "ValueError"), ("text",), (("limit", limit),), "")
    found = vinegar.load(described, False, False, False)
    assert isinstance(found, ValueError)
    assert not isinstance(found, RecursionError)
    assert found.limit == limit


@only(client="ours")
@pytest.mark.parametrize(
    ("settings", "value"), [({"max_depth": 20}, nested(40)), ({"max_exports": 5}, None)]
)
def test_a_client_of_ours_sees_the_limit_error_itself(connect, settings, value):
    from sinew import LimitError  # noqa: PLC0415 - only where ours is built

    conn = connect(SERVICE, server_config=settings)
    with pytest.raises(LimitError) as caught:
        _ = [conn.root.new_class(number) for number in range(10) if conn.root.echo(value) is None]
    assert settings.keys() == {caught.value.limit}
