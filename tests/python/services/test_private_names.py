"""Private names of RPyC's that programs use: they show what is there."""

import gc
import socket

import pytest

from harness.combos import only, ours_only
from harness.impls import submodule
from harness.waiting import eventually


@pytest.fixture
def ends(lib):
    """A client's connection and the server's end of it; the service lends two objects."""
    servers = []

    class Lending(lib.Service):
        def __init__(self):
            self.exposed_items = [1, 2]
            self.exposed_other = {"a": 1}

        def on_connect(self, conn):
            servers.append(conn)

    with lib.connect_thread(remote_service=Lending) as client:
        client.ping()
        yield client, servers[0]


def test_the_objects_that_the_peer_holds(ends):
    client, server = ends
    root, items = client.root, client.root.items
    held = server._local_objects
    assert held[items.____id_pack__] is server._local_root.exposed_items
    assert items.____id_pack__ in held._dict
    obj, extra = held._dict[items.____id_pack__]
    assert obj is server._local_root.exposed_items
    assert extra == 0
    again = root.items
    assert again is items
    assert held._dict[items.____id_pack__][1] == 1
    before = len(held._dict)
    key = items.____id_pack__
    del items, again
    gc.collect()
    assert eventually(lambda: client.ping() or key not in held._dict)
    assert len(held._dict) == before - 1
    with pytest.raises(KeyError):
        held[key]


def test_letting_go_of_what_the_peer_holds(ends):
    client, server = ends
    items = client.root.items
    key = items.____id_pack__
    server._local_objects.decref(key)
    assert key not in server._local_objects._dict
    with pytest.raises(KeyError):
        len(items)
    with pytest.raises(KeyError):
        server._local_objects.decref(key)


def test_all_that_the_peer_holds_can_be_dropped(ends):
    client, server = ends
    items, other = client.root.items, client.root.other
    assert len(server._local_objects._dict) >= 2
    server._local_objects.clear()
    assert len(server._local_objects._dict) == 0
    for gone in (items, other):
        with pytest.raises(KeyError):
            len(gone)


@ours_only
def test_an_object_is_not_lent_under_an_id_of_the_programs_own(ends):
    _, server = ends
    with pytest.raises(TypeError, match="_box"):
        server._local_objects.add(("builtins.list", 1, 2), [])


def test_the_netrefs_by_id(ends):
    client, _ = ends
    root, items = client.root, client.root.items
    cache = client._proxy_cache
    assert cache[items.____id_pack__] is items
    assert cache.get(root.____id_pack__) is root
    assert cache.get(("nothing", 1, 2)) is None
    assert items.____id_pack__ in cache
    with pytest.raises(KeyError):
        cache[("nothing", 1, 2)]
    assert len(cache) == 2
    assert set(cache.keys()) == {root.____id_pack__, items.____id_pack__}
    assert any(cache[key] is items for key in list(cache.keys()))
    key = items.____id_pack__
    del items
    gc.collect()
    assert key not in cache


def test_the_netref_classes_are_a_mapping_by_id(ends):
    client, _ = ends
    kind = client.root.items.__class__
    assert kind is list
    for key, made in client._netref_classes_cache.items():
        assert len(key) == 3
        assert isinstance(made, type)


def test_numbers_of_requests_and_who_waits_for_them(ends):
    client, _ = ends
    first = next(client._seqcounter)
    assert next(client._seqcounter) == first + 1
    assert len(client._request_callbacks) == 0
    result = client.async_request(1, "data")
    assert len(client._request_callbacks) == 1
    assert result.value == "data"
    assert len(client._request_callbacks) == 0


def test_the_socket_of_a_connection(lib, tmp_path):
    server = submodule(lib, "utils.server").ThreadedServer(lib.Service, hostname="127.0.0.1")
    serving = server._start_in_thread()
    try:
        with lib.connect("127.0.0.1", server.port) as conn:
            sock = conn._channel.stream.sock
            assert sock.getpeername() == ("127.0.0.1", server.port)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn.ping()
    finally:
        server.close()
        serving.join(10)


@ours_only
def test_another_channel_in_use_is_refused(ends):
    client, _ = ends
    client._channel = client._channel
    with pytest.raises(AttributeError, match="when it is made"):
        client._channel = object()
    client.ping()


@ours_only
@pytest.mark.parametrize(
    "extend",
    [
        lambda brine: brine.register(brine._dump_registry, frozenset)(print),
        lambda brine: brine.register(brine._load_registry, b"\xfa")(print),
        lambda brine: brine._dump_registry.update({int: print}),
        lambda brine: setattr(brine, "simple_types", brine.simple_types | {range}),
        lambda brine: setattr(brine, "dump", print),
    ],
)
def test_extending_the_codec_is_refused_with_the_ways_there_are(lib, extend):
    """It would be ignored: the codec is the engine's."""
    brine = submodule(lib, "core.brine")
    with pytest.raises(TypeError, match="override _box"):
        extend(brine)
    assert brine.load(brine.dump((1, "a"))) == (1, "a")


def test_the_codecs_table_can_be_used(lib):
    brine = submodule(lib, "core.brine")
    for value in (5, "text", (1, 2), None, 1.5, b"bytes", frozenset({1})):
        pieces = []
        brine._dump_registry[type(value)](value, pieces)
        assert b"".join(pieces) == brine.dump(value)
        pieces = []
        brine._dump(value, pieces)
        assert brine.load(b"".join(pieces)) == value


@only(client="ours")
def test_a_program_that_unboxes_by_itself(connect, rpyc):
    """As some do that were made from RPyC's own source."""
    base = submodule(rpyc, "core.protocol").Connection
    consts = submodule(rpyc, "core.consts")

    class Own(base):
        def _unbox(self, package):
            label, value = package
            if label == consts.LABEL_TUPLE:
                return tuple(self._unbox(item) for item in value)
            if label != consts.LABEL_REMOTE_REF:
                return super()._unbox(package)
            proxy = self._proxy_cache.get(value)
            if proxy is not None:
                proxy.____refcount__ += 1
            else:
                proxy = self._netref_factory(value)
                self._proxy_cache[value] = proxy
            return proxy

    client = type("Client", (rpyc.VoidService,), {"_protocol": Own})
    conn = connect("restricting:counting", client_service=client)
    root, items = conn.root, conn.root.items
    assert conn.root.items is items
    assert items.____refcount__ == 2
    assert root.add(1, 2) == 3
    assert list(items) == [1, 2, 3]
