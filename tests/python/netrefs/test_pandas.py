"""Data frames on the other side, and frames of this side over there."""

import pytest

from harness.combos import stock_bug

NO_ARRAY = "__array__ gives what was unpickled, array or not"

numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def remote(classic):
    return classic.modules.pandas


@pytest.fixture
def frame(classic, remote):
    """A frame of the peer."""
    return remote.DataFrame(classic.builtins.dict(a=[1, 2, 3], b=["x", "y", "z"]))


def test_a_remote_frame_is_used_where_it_is(frame):
    assert frame.shape == (3, 2)
    assert len(frame) == 3
    assert list(frame.columns) == ["a", "b"]
    assert frame["a"].sum() == 6
    assert frame.a.max() == 3
    assert frame.loc[1, "b"] == "y"
    assert frame.iloc[0]["a"] == 1
    assert list(frame.iloc[1:]["a"].tolist()) == [2, 3]
    assert (frame["a"] * 2).iloc[2] == 6
    assert "a" in frame
    assert str(frame).splitlines()[1].split() == ["0", "1", "x"]


def test_a_remote_frame_is_changed_where_it_is(frame):
    frame["c"] = frame["a"] + 10
    assert frame["c"].iloc[0] == 11
    frame.loc[0, "a"] = 7
    assert frame["a"].sum() == 12
    assert frame[frame["a"] > 2].shape == (2, 3)


def test_a_remote_frame_becomes_a_local_one(frame, rpyc):
    local = rpyc.classic.obtain(frame)
    assert type(local) is pandas.DataFrame
    assert local.equals(pandas.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}))


def test_a_frame_of_this_side_is_delivered(classic, rpyc):
    mine = pandas.DataFrame({"a": numpy.arange(1000), "b": numpy.arange(1000) * 0.5})
    there = rpyc.classic.deliver(classic, mine)
    assert float(there["b"].sum()) == float(mine["b"].sum())
    assert rpyc.classic.obtain(there).equals(mine)


@stock_bug(NO_ARRAY, server="stock", stock="5.3.1")
def test_the_peer_takes_a_column_of_this_side(connect, rpyc):
    conn = connect("classic:classic", client_service=rpyc.ClassicService)
    column = pandas.Series([1, 2, 3])
    assert conn.modules.numpy.array(column).sum() == 6


@stock_bug(NO_ARRAY, client="stock", stock="5.3.1")
def test_a_remote_column_becomes_an_array(frame):
    local = numpy.array(frame["a"])
    assert type(local) is numpy.ndarray
    assert local.tolist() == [1, 2, 3]
