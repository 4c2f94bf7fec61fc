"""Methods of a connection by which it asks, waits and reads: a program's own are called."""

import gc
import threading

import pytest

from harness.combos import stock_bug
from harness.impls import submodule
from harness.waiting import Worker, eventually

OPEN = {"allow_setattr": True, "allow_delattr": True, "allow_public_attrs": True}
METHODS = (
    "sync_request async_request _async_request _get_seq_id _box _unbox _send _dispatch "
    "_seq_request_callback serve"
).split()


@pytest.fixture
def client(connect, rpyc):
    """A function `client(**methods) -> Connection` of a class with these methods."""

    def make(**methods):
        base = submodule(rpyc, "core.protocol").Connection
        own = type("Own", (base,), methods)
        service = type("Client", (rpyc.VoidService,), {"_protocol": own})
        return connect("restricting:counting", server_config=OPEN, client_service=service)

    return make


@pytest.fixture
def noting(rpyc):
    """A function `noting(name, seen)`: a method that notes that it was called, and goes on."""

    def make(name, seen):
        original = getattr(submodule(rpyc, "core.protocol").Connection, name)

        def method(self, *args, **kwargs):
            seen.append(name)
            return original(self, *args, **kwargs)

        return method

    return make


def use(conn, rpyc):
    """Use a connection in every way that has a path of its own."""
    root = conn.root
    assert root.add(1, b=2) == 3
    add = root.add
    assert add("a", "b") == "ab"
    assert repr(root.items) == str(root.items) == "[1, 2, 3]"
    assert list(root.items) == [1, 2, 3]
    assert len(root.items) == 3
    assert 2 in root.items
    assert root.items == root.items
    root.box.value = 5
    assert root.box.value == 5
    del root.box.value
    assert root.box.value == 1
    with root.box as entered:
        assert entered is None
    with pytest.raises(AttributeError):
        _ = root.nothing
    assert root.call(lambda number: root.add(number, 1), 4) == 5
    result = rpyc.async_(root.add)(20, 3)
    result.wait()
    assert result.ready
    assert not result.error
    assert result.value == 23
    told = threading.Event()
    rpyc.async_(root.add)(1, 1).add_callback(lambda _: told.set())
    assert eventually(lambda: (conn.poll(0.1), told.is_set())[1])
    with pytest.raises(AttributeError):
        _ = conn.async_request(4, root, "nothing").value
    conn.ping()


@pytest.mark.parametrize("method", METHODS)
def test_a_method_of_the_program_is_called_and_everything_works(client, noting, rpyc, method):
    seen = []
    use(client(**{method: noting(method, seen)}), rpyc)
    assert seen


def test_all_of_them_together(client, noting, rpyc):
    seen = []
    use(client(**{method: noting(method, seen) for method in METHODS}), rpyc)
    assert set(METHODS) <= set(seen)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_is_assigned_to_the_connection_is_called(client, rpyc, method):
    seen = []
    conn = client()
    assert conn.root.add(1, 2) == 3
    original = getattr(conn, method)

    def noted(*args, **kwargs):
        seen.append(method)
        return original(*args, **kwargs)

    setattr(conn, method, noted)
    use(conn, rpyc)
    assert seen
    delattr(conn, method)
    del seen[:]
    use(conn, rpyc)
    assert not seen


@pytest.mark.parametrize("method", ["sync_request", "async_request", "_async_request", "_send"])
@pytest.mark.parametrize(
    "act",
    [
        lambda root, items: root.value,
        lambda root, items: root.add(1, 2),
        lambda root, items: repr(items),
        lambda root, items: hash(root),
        lambda root, items: len(items),
        lambda root, items: items == items,
        lambda root, items: list(items),
        lambda root, items: setattr(root, "value", 1),
        lambda root, items: delattr(root, "value"),
        lambda root, items: dir(root),
    ],
)
def test_what_a_method_refuses_to_ask_is_not_asked(client, rpyc, method, act):
    base = submodule(rpyc, "core.protocol").Connection
    locked = threading.Event()

    def refuse(self, *args, **kwargs):
        if locked.is_set():
            raise PermissionError("not asked")
        return getattr(base, method)(self, *args, **kwargs)

    conn = client(**{method: refuse})
    root, items = conn.root, conn.root.items
    locked.set()
    with pytest.raises(PermissionError, match="not asked"):
        act(root, items)
    locked.clear()
    assert root.add(1, 2) == 3


def test_a_request_may_be_answered_without_asking(client, rpyc):
    """As a cache would."""
    base = submodule(rpyc, "core.protocol").Connection

    def answer(self, handler, args=(), callback=lambda is_exc, obj: None):
        if args == ("cached",):
            return callback(False, "from the cache")
        if args == ("broken",):
            return callback(True, LookupError("from the cache"))
        return base._async_request(self, handler, args, callback)

    conn = client(_async_request=answer)
    assert conn.sync_request(1, "cached") == "from the cache"
    result = conn.async_request(1, "cached")
    assert result.ready
    assert not result.error
    with pytest.raises(LookupError, match="from the cache"):
        conn.sync_request(1, "broken")
    assert conn.sync_request(1, "asked") == "asked"


def test_an_answer_that_dispatch_drops_is_a_timeout(client, rpyc):
    base = submodule(rpyc, "core.protocol").Connection
    dropping = threading.Event()

    def dispatch(self, data):
        return None if dropping.is_set() else base._dispatch(self, data)

    conn = client(_dispatch=dispatch)
    assert conn.root.add(1, 2) == 3
    timeout = submodule(rpyc, "core.async_").AsyncResultTimeout
    dropping.set()
    with pytest.raises(timeout):
        _ = conn.async_request(1, "lost", timeout=0.2).value
    dropping.clear()


@pytest.mark.parametrize("method", ["_dispatch", "_unbox", "_seq_request_callback"])
def test_what_refuses_an_answer_is_raised_by_the_call(client, rpyc, method):
    base = submodule(rpyc, "core.protocol").Connection
    locked = threading.Event()

    def refuse(self, *args):
        if locked.is_set():
            locked.clear()
            raise PermissionError("not let in")
        return getattr(base, method)(self, *args)

    conn = client(**{method: refuse})
    assert conn.sync_request(1, "before") == "before"
    locked.set()
    with pytest.raises(PermissionError, match="not let in"):
        conn.sync_request(1, "refused")


@stock_bug("releases a lock of another thread", client="stock", stock="5.3.1", strict=False)
def test_messages_may_be_dispatched_by_another_thread(client, rpyc):
    base = submodule(rpyc, "core.protocol").Connection
    lock = threading.Lock()
    seen = []

    def work(conn, data):
        with lock:
            seen.append(data)
        # Not the base's `_dispatch` of a stock connection: that lets go of the reader's lock.
        if rpyc.__name__ == "rpyc":
            conn._recvlock.acquire()
        base._dispatch(conn, data)

    def dispatch(self, data):
        if rpyc.__name__ == "rpyc":
            self._recvlock.release()
        Worker(work, self, data)

    conn = client(_dispatch=dispatch)
    for number in range(20):
        assert conn.sync_request(1, number) == number
    assert len(seen) == len(set(seen)) == 20


def test_a_callback_may_be_given_to_async_request_itself(client):
    conn = client()
    got = []
    conn._async_request(1, ("data",), lambda is_exc, obj: got.append((is_exc, obj)))
    assert eventually(lambda: (conn.poll(0.1), got)[1])
    assert got == [(False, "data")]


# Stock loses answers when several threads wait (#270, #381).
@stock_bug("an answer is lost now and then", client="stock", strict=False)
@pytest.mark.timeout(60)
def test_threads_share_a_connection_that_serves_in_its_own_way(client, rpyc):
    base = submodule(rpyc, "core.protocol").Connection

    def serve(self, *args, **kwargs):
        return base.serve(self, *args, **kwargs)

    conn = client(serve=serve)
    add = conn.root.add
    workers = [Worker(lambda i=i: [add(i, n) for n in range(50)]) for i in range(4)]
    for i, worker in enumerate(workers):
        assert worker.result() == [i + n for n in range(50)]


# -- netrefs ----------------------------------------------------------------------------------


def test_the_program_makes_the_netrefs(client, rpyc):
    base = submodule(rpyc, "core.protocol").Connection
    made = []

    def factory(self, id_pack):
        netref = base._netref_factory(self, id_pack)
        made.append(id_pack)
        return netref

    conn = client(_netref_factory=factory)
    root = conn.root
    assert made[0] == root.____id_pack__
    items = root.items
    assert items.____id_pack__ in made
    assert list(items) == [1, 2, 3]
    assert root.items is items
    assert items.____refcount__ >= 2


def test_a_netref_of_another_class_takes_the_place_of_the_usual_one(client, rpyc):
    base = submodule(rpyc, "core.protocol").Connection
    netref = submodule(rpyc, "core.netref")

    def factory(self, id_pack):
        if id_pack[0] != "builtins.list":
            return base._netref_factory(self, id_pack)
        kind = netref.class_factory(id_pack, [("__len__", None), ("append", None)])
        return type("Mine", (kind,), {"__slots__": (), "mine": "mine"})(self, id_pack)

    conn = client(_netref_factory=factory)
    items = conn.root.items
    assert type(items).mine == "mine"
    assert len(items) == 3
    assert conn.root.items is items


def test_what_the_factory_refuses_is_refused(client, rpyc):
    base = submodule(rpyc, "core.protocol").Connection

    def factory(self, id_pack):
        if id_pack[0] == "builtins.list":
            raise PermissionError("no lists")
        return base._netref_factory(self, id_pack)

    conn = client(_netref_factory=factory)
    with pytest.raises(PermissionError, match="no lists"):
        _ = conn.root.items
    assert conn.root.add(1, 2) == 3


# -- reading and ending -----------------------------------------------------------------------


def test_cleaning_up_is_done_by_the_programs_method(client, rpyc):
    base = submodule(rpyc, "core.protocol").Connection
    seen = []

    def cleanup(self, *args, **kwargs):
        seen.append("cleanup")
        return base._cleanup(self, *args, **kwargs)

    conn = client(_cleanup=cleanup)
    assert conn.root.add(1, 2) == 3
    conn.close()
    assert conn.closed
    assert seen == ["cleanup"]
    del conn
    gc.collect()


def test_a_result_may_be_made_by_hand(client, rpyc):
    """As by programs that answer `async_request` themselves."""
    kind = submodule(rpyc, "core.async_").AsyncResult
    base = submodule(rpyc, "core.protocol").Connection

    def ask(self, handler, *args, **kwargs):
        if args == ("known",):
            result = kind(self)
            result._is_ready = True
            return result
        return base.async_request(self, handler, *args, **kwargs)

    conn = client(async_request=ask)
    assert conn.sync_request(1, "known") is None
    assert conn.sync_request(1, "asked") == "asked"
