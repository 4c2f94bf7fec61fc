"""Objects live as long as the other side holds them, and no longer."""

import gc
import threading
import weakref

import pytest

from harness.combos import with_pure
from harness.waiting import Worker, eventually

pytestmark = with_pure

SERVICE = "lifetime:tracker"


class Mine:
    """A local object that can be referenced weakly."""


@pytest.fixture
def root(connect):
    """The root of a server process of its own, so that counts start at nothing."""
    return connect(SERVICE, fresh=True).root


def test_an_object_dies_when_the_last_netref_goes(root):
    tracked = root.make()
    assert root.living() == 1
    del tracked
    gc.collect()
    assert root.living() == 0


def test_the_release_arrives_before_the_next_request(root):
    """Programs rely on it: a remote file is closed before the next call."""
    for expected in range(1, 20):
        tracked = root.make()
        del tracked
        gc.collect()
        assert root.deleted() == expected


def test_an_object_returned_many_times_is_one_netref_and_one_release(root):
    first = root.same()
    again = [root.same() for _ in range(50)]
    assert all(item is first for item in again)
    del again, first
    gc.collect()
    assert root.living() == 0
    assert root.same() is not None


def test_an_object_of_ours_waits_in_the_result_that_brings_it_back(root, rpyc):
    """The server gives it back before anybody looks at the result."""
    conn = object.__getattribute__(root, "____conn__")
    dead = []
    for _ in range(20):
        mine = Mine()
        weakref.finalize(mine, dead.append, True)
        result = rpyc.async_(root.echo)(mine)
        result.wait()
        root.living()  # the server's reference goes before it answers this
        conn.ping()
        assert result.value is mine
        del mine, result
        gc.collect()
    eventually(lambda: len(dead) == 20)


def test_a_result_that_nobody_looks_at_keeps_nothing(root, rpyc):
    mine = Mine()
    dies = weakref.finalize(mine, int)
    result = rpyc.async_(root.echo)(mine)
    result.wait()
    root.living()
    del mine, result
    gc.collect()
    root.living()
    eventually(lambda: not dies.alive)


def test_a_result_that_several_threads_read_is_read_once(connect, rpyc):
    """Reading one asks the peer about a class. Given back more often than lent, it is cut off."""
    root = connect(SERVICE, fresh=True, server_config={"max_bad_ids": 1}).root
    make = rpyc.async_(root.make_of_new_class)
    for _ in range(20):
        result = make()
        result.wait()
        at_once = threading.Barrier(3)

        def read(result=result, at_once=at_once):
            at_once.wait(10)
            return result.value

        readers = [Worker(read) for _ in range(3)]
        values = [reader.result() for reader in readers]
        assert values[0] is values[1] is values[2]
        del values, readers, result, read
        gc.collect()
        eventually(lambda: root.living() == 0)


def test_a_netref_can_be_dropped_and_fetched_again(root):
    for _ in range(30):
        assert root.same() is not None
    assert root.number(root.same()) == -1


@pytest.mark.parametrize("count", [10, 2000])
def test_many_references_are_all_released(root, count):
    tracked = root.make(count)
    assert len(tracked) == count
    assert root.living() == count
    assert root.number(tracked[count // 2]) == count // 2
    del tracked
    gc.collect()
    eventually(lambda: root.living() == 0)


def test_an_object_lives_while_one_of_two_connections_holds_it(serve, connect_to):
    server = serve(SERVICE, fresh=True)
    first, second = connect_to(server), connect_to(server)
    tracked = first.root.make()
    assert second.root.living() >= 1
    before = second.root.living()
    del tracked
    gc.collect()
    first.ping()
    assert second.root.living() == before - 1


def test_everything_is_released_when_the_connection_closes(serve, connect_to):
    server = serve(SERVICE, fresh=True)
    first, second = connect_to(server), connect_to(server)
    assert second.root.deleted() == 0
    kept = first.root.make(100)
    assert second.root.deleted() == 0
    first.close()
    eventually(lambda: second.root.deleted() >= 100)
    del kept


def test_a_netref_passed_back_is_the_object_itself(root):
    tracked = root.make(3)[1]
    assert root.number(tracked) == 1


def test_a_netref_that_went_there_and_back_is_the_same(root):
    tracked = root.make()
    assert root.echo(tracked) is tracked
    assert root.living() == 1
    root.keep(tracked)
    del tracked
    gc.collect()
    assert root.living() == 1
    root.drop()
    assert root.living() == 0


def test_a_local_object_lives_while_the_peer_holds_it(root):
    mine = Mine()
    reference = weakref.ref(mine)
    root.keep(mine)
    del mine
    gc.collect()
    assert reference() is not None
    root.drop()
    eventually(lambda: root.deleted() >= 0 and gc.collect() is not None and not reference())


def test_a_local_object_passed_for_one_call_is_released_after_it(root):
    mine = Mine()
    reference = weakref.ref(mine)
    for _ in range(20):
        assert root.touch(mine)
    del mine
    eventually(lambda: root.deleted() >= 0 and gc.collect() is not None and not reference())


def test_a_remote_cycle_is_collected_once_released(root):
    tracked = root.cycle()
    assert root.living() == 2
    del tracked
    gc.collect()
    assert root.living() == 0


def test_references_inside_tuples_are_counted(root):
    pair = root.make(2)
    first = pair[0]
    del pair
    gc.collect()
    assert root.living() == 1
    assert root.number(first) == 0
    del first
    gc.collect()
    assert root.living() == 0


def test_a_cycle_that_holds_a_netref_is_released_by_the_collector(root):
    holder = [root.make()]
    holder.append(holder)
    del holder
    gc.collect()
    assert root.living() == 0


def test_the_tables_of_this_side_are_empty_in_the_end(root, connect):
    conn = connect(SERVICE, fresh=True)
    touch = conn.root.touch
    for _ in range(100):
        touch(Mine())
    conn.ping()
    eventually(lambda: not any(isinstance(o, Mine) for o in gc.get_objects()))
