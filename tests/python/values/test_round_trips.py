"""What travels by value comes back as it was, whoever is at the other end."""

import math
import struct

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness import impls
from harness.combos import with_pure
from harness.impls import submodule
from harness.presence import require

through_one_connection = settings(
    database=None,
    deadline=None,
    max_examples=50,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Lengths up to 4, up to 255 and above are written differently, data above 3000 bytes is compressed
# by stock, and above 64,000 read in several pieces.
LENGTHS = st.sampled_from((4, 5, 255, 256, 3001, 70_000))
EDGES = [2**31, 2**63, -(2**31), -(2**63), 2**64]
# Integers are written in decimals, of which Python reads 4300 at most.
WIDEST = 1785  # bytes

integers = st.one_of(
    st.integers(),
    st.integers(-100, 200),
    st.binary(max_size=WIDEST).map(lambda digits: int.from_bytes(digits, "big", signed=True)),
    st.sampled_from([edge + step for edge in EDGES for step in (-1, 0, 1)]),
)
scalars = st.one_of(
    st.sampled_from((None, True, False, NotImplemented, ...)),
    integers,
    st.floats(),
    st.complex_numbers(),
    st.text(),
    st.binary(),
    st.builds(lambda character, length: character * length, st.characters(codec="utf-8"), LENGTHS),
    LENGTHS.map(bytes),
)
hashable = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner).map(tuple), st.frozensets(inner)),
    max_leaves=12,
)
slices = st.builds(slice, hashable, hashable, hashable)
values = st.one_of(
    hashable,
    slices,
    st.lists(st.one_of(hashable, slices), max_size=5).map(tuple),
    st.builds(lambda item, length: (item,) * length, integers, LENGTHS.filter(lambda n: n < 3000)),
    st.frozensets(st.integers(), min_size=5, max_size=300),
)

pytestmark = with_pure


def form(value):
    """Return something that is equal for two values only if no program can tell them apart."""
    kind = type(value)
    if kind is float:
        return kind, "nan" if math.isnan(value) else struct.pack("!d", value)
    if kind is complex:
        return kind, form(value.real), form(value.imag)
    if kind is tuple:
        return kind, tuple(map(form, value))
    if kind is frozenset:
        forms = [form(item) for item in value]  # counted: a set may hold several NaNs
        return kind, frozenset((item, forms.count(item)) for item in forms)
    if kind is slice:
        return kind, form(value.start), form(value.stop), form(value.step)
    return kind, value


@pytest.fixture
def root(connect):
    return connect("values:values").root


@through_one_connection
@given(value=values)
@example(value=(True, 1, 1.0, 1 + 0j, 0, False))
@example(value=(-0.0, math.inf, math.nan, complex(-0.0, math.nan)))
@example(value=frozenset({(1, 2), frozenset(), "", b""}))
@example(value=slice(None, (slice(1, 2), "x"), ...))
def test_a_value_comes_back_as_it_was(root, value):
    kind, back = root.back(value)
    assert kind == type(value).__name__
    assert form(back) == form(value)


@through_one_connection
@given(value=values)
def test_a_value_given_by_name_comes_back_as_it_was(root, value):
    assert form(root.back(value=value)[1]) == form(value)


@through_one_connection
@given(value=values)
def test_a_value_goes_through_a_callback(root, value):
    seen = []

    def callback(argument):
        seen.append(argument)
        return argument

    assert form(root.call(callback, value)) == form(value)
    assert form(tuple(seen)) == form((value,))


@through_one_connection
@given(value=values)
def test_the_arguments_of_an_exception_come_as_they_were(root, value):
    with pytest.raises(LookupError) as caught:
        root.fail(value)
    assert form(caught.value.args) == form((value,))


@settings(through_one_connection, max_examples=200)
@given(value=values)
def test_the_codec_writes_what_that_of_stock_writes_and_reads_it(value):
    require(*impls.IMPLEMENTATIONS)
    ours, stock = (submodule(impls.load(name), "core.brine") for name in impls.IMPLEMENTATIONS)
    written = ours.dump(value)
    assert written == stock.dump(value)
    assert form(ours.load(written)) == form(value)
    assert form(stock.load(written)) == form(value)
