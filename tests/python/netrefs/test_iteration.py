"""Iterating over remote objects, one by one and in chunks; generators; context managers."""

import itertools

import pytest

from harness.combos import stock_bug, with_pure

pytestmark = with_pure


def test_iterating_over_remote_containers(classic):
    assert list(classic.eval("[1, 2, 3]")) == [1, 2, 3]
    assert list(classic.eval("range(5)")) == [0, 1, 2, 3, 4]
    assert sorted(classic.eval("{'a': 1, 'b': 2}")) == ["a", "b"]
    assert sorted(classic.eval("{'a': 1, 'b': 2}.items()")) == [("a", 1), ("b", 2)]
    assert list(classic.eval("iter('abc')")) == ["a", "b", "c"]


def test_iterating_over_many_items(classic):
    assert list(classic.eval("list(range(2500))")) == list(range(2500))


def test_an_iterator_is_its_own_iterator(classic):
    iterator = iter(classic.eval("[1, 2]"))
    assert iter(iterator) is iterator
    assert next(iterator) == 1
    assert next(iterator) == 2
    with pytest.raises(StopIteration):
        next(iterator)
    assert next(iterator, "default") == "default"


def test_a_change_of_the_list_during_iteration(classic, combo):
    """Stock asks item by item; ours has read ahead what is near (docs/porting.md)."""
    items = classic.eval("[1, 2, 3]")
    seen = []
    for item in items:
        seen.append(item)
        if item == 1:
            items.append(4)
    assert seen == ([1, 2, 3, 4] if combo.client == "stock" else [1, 2, 3])


def test_leaving_a_loop_early_leaves_the_iterator_where_it_is(classic):
    classic.execute("source = iter([1, 2, 3, 4])")
    for item in classic.namespace["source"]:
        if item == 2:
            break
    assert classic.eval("next(source)") == 3


def test_a_generator_advances_only_when_asked(remote, classic):
    classic.execute(
        "steps = []\ndef lazy():\n    for i in range(9):\n        steps.append(i)\n        yield i"
    )
    generator = classic.namespace["lazy"]()
    assert [next(generator), next(generator)] == [0, 1]
    assert classic.eval("len(steps)") == 2
    assert list(itertools.islice(generator, 2)) == [2, 3]
    assert classic.eval("len(steps)") == 4


def test_generators_send_throw_and_close(remote):
    echo = remote.echo_generator()
    assert next(echo) == "ready"
    assert echo.send("hello") == ("echo", "hello")
    with pytest.raises(StopIteration):
        echo.send(None)
    closing = remote.closing_generator()
    assert next(closing) == 1
    closing.close()
    assert remote.CLOSED.pop() == "closed"


def test_an_error_inside_a_generator_arrives_at_its_item(remote):
    generator = remote.failing_generator()
    assert next(generator) == 1
    with pytest.raises(KeyError):
        next(generator)


def test_a_local_generator_is_consumed_by_the_peer(classic):
    assert classic.builtins.sum(x * x for x in range(10)) == 285
    assert list(classic.builtins.list(iter("abc"))) == ["a", "b", "c"]


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 29, 30, 31, 1000, 3003])
def test_chunked_iteration_gives_every_item_once(classic, rpyc, length):
    items = classic.eval(f"list(range({length}))")
    assert list(rpyc.buffiter(items)) == list(range(length))


def test_chunked_iteration_takes_its_chunk_sizes(classic, rpyc):
    items = classic.eval("list(range(100))")
    assert list(rpyc.buffiter(items, chunk=1, max_chunk=1, factor=1)) == list(range(100))
    assert list(rpyc.buffiter(items, 7, 50, 3)) == list(range(100))


def test_chunked_iteration_of_an_iterator_and_of_a_generator(remote, rpyc):
    assert list(rpyc.buffiter(remote.numbers(25))) == list(range(25))


def test_chunked_iteration_refuses_a_factor_below_one(classic, rpyc):
    with pytest.raises(ValueError):
        list(rpyc.buffiter(classic.eval("[1]"), factor=0.5))


def test_chunked_iteration_of_references(classic, rpyc):
    rows = classic.eval("[{'a': i} for i in range(30)]")
    assert [row["a"] for row in rpyc.buffiter(rows)] == list(range(30))


def test_chunked_iteration_stops_at_an_error(remote, rpyc):
    with pytest.raises(KeyError):
        list(rpyc.buffiter(remote.failing_generator()))


def test_a_remote_context_manager_is_entered_and_left(remote):
    managed = remote.Managed()
    with managed as inside:
        assert inside is managed
        assert managed.entered == 1
        assert managed.exits == 0
    assert managed.exits == 1
    assert managed.exit_type is None


def test_a_remote_context_manager_is_left_on_an_error(remote):
    managed = remote.Managed()
    with pytest.raises(ZeroDivisionError), managed:
        _ = 1 / 0
    assert managed.exits == 1
    assert managed.exit_type is not None


@stock_bug("the other side sees TypeError instead, rpyc.md 1.12 'with x'", server="stock")
@stock_bug("the client sends the type without the value, rpyc.md 1.12 'with x'", client="stock")
def test_a_remote_context_manager_sees_the_type_of_the_error(remote):
    managed = remote.Managed()
    with pytest.raises(ZeroDivisionError), managed:
        _ = 1 / 0
    assert managed.exit_type == "ZeroDivisionError"


def test_a_remote_context_manager_may_swallow_the_error(remote):
    managed = remote.Managed(swallow=True)
    with managed:
        raise KeyError("swallowed")
    assert managed.exits == 1


def test_remote_locks_work_in_a_with_statement(classic):
    lock = classic.modules.threading.Lock()
    with lock:
        assert lock.locked()
    assert not lock.locked()
