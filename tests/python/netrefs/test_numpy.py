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


def test_a_remote_array_is_used_where_it_is(classic):
    remote = classic.modules.numpy.arange(10)
    assert remote.shape == (10,)
    assert remote[3] == 3
    assert remote.sum() == 45
    assert (remote * 2)[4] == 8
    assert len(remote) == 10
    assert str(remote.dtype) == "int64"


def test_the_peer_takes_an_array_of_this_side(connect, rpyc):
    conn = connect("classic:classic", client_service=rpyc.ClassicService)
    assert conn.modules.numpy.array(numpy.arange(4)).sum() == 6


def test_without_permission_to_pickle_an_array_stays_where_it_is(connect):
    conn = connect("policy:boxes", server_config={"allow_all_attrs": True})
    with pytest.raises(Exception):  # noqa: B017 - numpy decides which
        numpy.array(conn.root.box(), dtype="int64")
