"""Arrays of numpy on the other side, and arrays of this side over there."""

import pytest

from harness.combos import stock_bug

numpy = pytest.importorskip("numpy")


def test_a_remote_array_becomes_a_local_one(classic):
    remote = classic.modules.numpy.arange(12).reshape(3, 4)
    local = numpy.array(remote)
    assert type(local) is numpy.ndarray
    assert (local == numpy.arange(12).reshape(3, 4)).all()


@stock_bug("__array__ takes no type before 6.0", client="stock", stock="5.3.1")
def test_a_remote_array_becomes_a_local_one_of_another_type(classic):
    remote = classic.modules.numpy.arange(3)
    assert numpy.asarray(remote, dtype="float32").dtype == numpy.float32


def test_a_remote_list_becomes_an_array(classic):
    local = numpy.asarray(classic.builtins.list((1, 2, 3)))
    assert type(local) is numpy.ndarray
    assert local.tolist() == [1, 2, 3]


def test_a_remote_array_is_used_where_it_is(classic):
    remote = classic.modules.numpy.arange(10)
    assert remote.shape == (10,)
    assert remote[3] == 3
    assert remote.sum() == 45
    assert (remote * 2)[4] == 8
    assert len(remote) == 10
    assert str(remote.dtype) == "int64"


def test_a_remote_array_is_sliced_and_changed_where_it_is(classic):
    remote = classic.modules.numpy.arange(12).reshape(3, 4)
    assert list(remote[1:, 2].tolist()) == [6, 10]
    assert remote[..., -1].sum() == 21
    assert remote[2, 3] == 11
    remote[0] = 100
    assert remote[0, 3] == 100
    remote += 1
    assert remote[1, 0] == 5
    assert (remote > 100).sum() == 4
    assert remote.T.shape == (4, 3)


def test_remote_arrays_are_added_and_compared_there(classic):
    one, other = classic.modules.numpy.ones(3), classic.modules.numpy.arange(3)
    assert list((one + other).tolist()) == [1, 2, 3]
    assert (2 * other).sum() == 6
    assert (-one).sum() == -3
    assert (one @ other) == 3
    assert (one == one).all()
    assert not (one == other).all()


def test_the_peer_takes_an_array_of_this_side(connect, rpyc):
    conn = connect("classic:classic", client_service=rpyc.ClassicService)
    assert conn.modules.numpy.array(numpy.arange(4)).sum() == 6


def test_without_permission_to_pickle_an_array_stays_where_it_is(connect):
    conn = connect("policy:boxes", server_config={"allow_all_attrs": True})
    with pytest.raises(Exception):  # noqa: B017 - numpy decides which
        numpy.array(conn.root.box(), dtype="int64")
