"""What a registry answers, and what servers and programs do with it."""

import pytest

from harness import impls
from harness.combos import only, stock_bug
from harness.impls import submodule
from harness.waiting import eventually

HOST = "127.0.0.1"


def test_a_registered_service_is_found_under_each_of_its_names(registrar):
    assert registrar.register(("FOO", "BAR"), 12345) is True
    assert registrar.register(("FOO",), 12346) is True
    assert registrar.discover("foo") == ((HOST, 12345), (HOST, 12346))
    assert registrar.discover("Bar") == ((HOST, 12345),)


def test_a_service_that_nobody_registered_is_not_found(registrar):
    assert registrar.discover("nobody") == ()


def test_an_unregistered_server_is_not_found_any_more(registrar):
    registrar.register(("FOO", "BAR"), 12345)
    registrar.register(("FOO",), 12346)
    registrar.unregister(12345)
    assert eventually(lambda: registrar.discover("bar") == ())
    assert registrar.discover("foo") == ((HOST, 12346),)


def test_the_names_of_all_services_and_of_those_at_one_host(registrar):
    assert registrar.list() == ()
    registrar.register(("FOO", "BAR"), 12345)
    assert set(registrar.list()) == {"FOO", "BAR"}
    assert set(registrar.list(HOST)) == {"FOO", "BAR"}
    assert registrar.list("192.0.2.1") == ()


def test_a_registry_tells_no_names_by_default(rpyc, combo, start_registry):
    registrar = start_registry(combo.server).client(rpyc)
    registrar.register(("FOO",), 12345)
    assert registrar.list() is None
    factory = submodule(rpyc, "utils.factory")
    with pytest.raises(factory.ForbiddenError, match="listing"):
        rpyc.list_services(registrar)


def test_a_server_that_is_not_heard_of_is_left_out(registry, registrar):
    registrar.register(("FOO",), 12345)
    registry.server.pruning_timeout = -1  # everything is too old
    assert registrar.discover("foo") == ()
    registry.server.pruning_timeout = 240
    assert registrar.discover("foo") == ()
    registrar.register(("FOO",), 12345)
    assert registrar.discover("foo") == ((HOST, 12345),)


@pytest.mark.parametrize("fails", [False, True])
def test_a_subclass_hears_who_comes_and_goes(rpyc, combo, kind, start_registry, fails):
    module = submodule(impls.load(combo.server), "utils.registry")
    events = []

    class Watching(getattr(module, f"{kind}RegistryServer")):
        def on_service_added(self, name, addrinfo):
            events.append(("+", name, addrinfo))
            if fails:
                raise RuntimeError("a subclass that fails")

        def on_service_removed(self, name, addrinfo):
            events.append(("-", name, addrinfo))
            if fails:
                raise RuntimeError("a subclass that fails")

    registrar = start_registry(combo.server, server_class=Watching).client(rpyc)
    registrar.register(("FOO",), 12345)
    registrar.register(("FOO",), 12345)
    registrar.unregister(12345)
    assert eventually(lambda: len(events) == 2)
    assert events == [("+", "FOO", (HOST, 12345)), ("-", "FOO", (HOST, 12345))]
    assert registrar.register(("FOO",), 12345)


@stock_bug("tells of every name when one address leaves", server="stock")
def test_who_was_not_registered_is_not_removed(rpyc, combo, kind, start_registry):
    module = submodule(impls.load(combo.server), "utils.registry")
    removed = []

    class Watching(getattr(module, f"{kind}RegistryServer")):
        def on_service_removed(self, name, addrinfo):
            removed.append(name)

    registrar = start_registry(combo.server, server_class=Watching).client(rpyc)
    registrar.register(("FOO",), 1)
    registrar.register(("BAR",), 2)
    registrar.unregister(1)
    assert eventually(lambda: registrar.discover("foo") == ())
    assert removed == ["FOO"]


@pytest.fixture
def start_server(rpyc):
    """A function that starts a server of the client's implementation, which registers itself."""
    started = []

    def start(registrar, **options):
        class LabService(rpyc.Service):
            ALIASES = ("lab", "bench")

            def exposed_add(self, a, b):
                return a + b

        server = rpyc.ThreadedServer(LabService, hostname=HOST, registrar=registrar, **options)
        started.append((server, server._start_in_thread()))
        return server

    yield start
    for server, thread in started:
        server.close()
        thread.join(10)


def test_a_server_registers_and_unregisters_itself(rpyc, registrar, start_server):
    server = start_server(registrar)
    assert eventually(lambda: registrar.discover("bench") == ((HOST, server.port),))
    assert rpyc.discover("lab", registrar=registrar) == ((HOST, server.port),)
    assert set(rpyc.list_services(registrar)) == {"LAB", "BENCH"}
    with rpyc.connect_by_service("lab", registrar=registrar) as conn:
        assert conn.root.add(1, 2) == 3
    server.close()
    assert eventually(lambda: registrar.discover("lab") == ())


def test_a_server_does_not_register_itself_unasked(registry, registrar, start_server):
    server = start_server(registrar, auto_register=False)
    assert not server.auto_register
    assert registrar.list() == ()


def test_a_server_registers_again_and_again(registry, registrar, start_server):
    registrar.REREGISTER_INTERVAL = 0.05
    start_server(registrar)
    assert eventually(lambda: registrar.discover("lab"))
    registry.server.services.clear()  # as a registry that was started anew
    assert eventually(lambda: registrar.discover("lab"))


def test_a_server_tries_again_until_a_registry_is_there(rpyc, registry, start_server):
    registrar = registry.client(rpyc)
    answers = [False]
    original = registrar.register

    def register(*args, **kwargs):
        return answers.pop() if answers else original(*args, **kwargs)

    registrar.register = register
    start_server(registrar)
    assert eventually(lambda: registrar.discover("lab"))


def test_discovering_can_be_narrowed_to_a_host(rpyc, registrar):
    registrar.register(("FOO",), 12345)
    factory = submodule(rpyc, "utils.factory")
    assert list(rpyc.discover("foo", host=HOST, registrar=registrar)) == [(HOST, 12345)]
    with pytest.raises(factory.DiscoveryError, match=r"192\.0\.2\.1"):
        rpyc.discover("foo", host="192.0.2.1", registrar=registrar)
    with pytest.raises(factory.DiscoveryError, match="nothing"):
        rpyc.discover("nothing", registrar=registrar)


def test_connecting_by_service_passes_over_the_dead(rpyc, registrar, start_server):
    registrar.register(("LAB",), 1)  # nobody listens there
    server = start_server(registrar)
    assert eventually(lambda: len(registrar.discover("lab")) == 2)
    with rpyc.connect_by_service("lab", registrar=registrar) as conn:
        assert conn.root.add(2, 3) == 5
    server.close()
    factory = submodule(rpyc, "utils.factory")
    registrar.register(("LAB",), 1)
    with pytest.raises(factory.DiscoveryError, match="down"):
        rpyc.connect_by_service("lab", registrar=registrar)


@only(client="ours")
def test_nobody_answering_is_told_in_time(rpyc, registry, kind):
    registrar = registry.client(rpyc, timeout=0.1)
    registry.stop()
    assert registrar.register(("FOO",), 12345) is False
    if kind == "UDP":
        assert registrar.discover("foo") == ()
        assert registrar.list() == ()
    else:
        with pytest.raises(OSError):
            registrar.discover("foo")
