"""What a service is: per connection or shared, its names, its hooks, its exposed members."""

import pytest

from harness.combos import with_pure, without_pure
from harness.waiting import eventually

pytestmark = with_pure


def test_a_service_class_gives_each_connection_its_own_instance(connect):
    first = connect("services:per_connection")
    second = connect("services:per_connection")
    assert [first.root.increment() for _ in range(3)] == [1, 2, 3]
    assert second.root.increment() == 1


def test_a_service_instance_is_shared_by_all_connections(connect):
    first = connect("services:shared", fresh=True)
    assert first.root.increment() == 101
    assert first.root.increment() == 102


def test_connections_of_a_shared_instance_see_each_other(connect, serve, connect_to):
    server = serve("services:shared", fresh=True)
    first, second = connect_to(server), connect_to(server)
    assert first.root.increment() == 101
    assert second.root.increment() == 102


@without_pure("classpartial")
def test_constructor_arguments_can_be_bound_to_a_service_class(connect):
    first = connect("services:partial")
    second = connect("services:partial")
    assert first.root.increment() == 1001
    assert second.root.increment() == 1001


def test_the_service_is_told_of_connecting_and_disconnecting(serve, connect_to):
    server = serve("services:per_connection", fresh=True)
    first = connect_to(server)
    first.ping()
    second = connect_to(server)
    assert second.root.journal_has("connect")
    assert second.root.journal_count("disconnect") == 0
    first.close()
    assert second.root.journal_has("disconnect")
    assert second.root.journal_count("disconnect") == 1


@without_pure("channels")
def test_the_service_is_told_when_the_client_vanishes(serve, connect_to):
    server = serve("services:per_connection", fresh=True)
    first, second = connect_to(server), connect_to(server)
    first.ping()
    first._channel.close()  # no CLOSE request is sent
    assert second.root.journal_has("disconnect")


def test_the_root_of_a_connection_is_asked_for_once(connect):
    conn = connect("services:per_connection")
    assert conn.root is conn.root


@pytest.mark.parametrize(
    ("service", "name", "aliases"),
    [
        ("services:named", "TEMPERATURE", ("TEMPERATURE",)),
        ("services:aliased", "FIRST", ("FIRST", "SECOND")),
    ],
)
def test_a_service_tells_its_name_and_aliases(connect, service, name, aliases):
    root = connect(service).root
    assert root.get_service_name() == name
    assert tuple(root.get_service_aliases()) == aliases


def test_names_are_class_methods(lib):
    class HeatService(lib.Service):
        pass

    assert HeatService.get_service_name() == "HEAT"
    assert HeatService.exposed_get_service_name() == "HEAT"
    assert tuple(HeatService.exposed_get_service_aliases()) == ("HEAT",)
    assert lib.VoidService.get_service_name() == "VOID"
    assert lib.SlaveService.get_service_name() == "SLAVE"


def test_decorated_members_are_exposed(connect):
    root = connect("services:decorated").root
    assert root.plain() == "plain"
    assert root.exposed_plain() == "plain"
    assert root.of_class() == "Decorated"


def test_members_without_decorator_stay_hidden(connect):
    root = connect("services:decorated").root
    with pytest.raises(AttributeError):
        root.unexposed()


def test_a_nested_class_is_exposed_with_its_exposed_members(connect):
    nested = connect("services:decorated").root.Nested()
    assert nested.inside() == "inside"
    with pytest.raises(AttributeError):
        nested.hidden()


def test_a_decorator_with_another_prefix_answers_to_that_prefix(connect):
    root = connect("services:decorated", server_config={"exposed_prefix": "other_"}).root
    assert root.elsewhere() == "elsewhere"
    with pytest.raises(AttributeError):
        root.plain()


def make_answering_service(rpyc):
    class AnsweringService(rpyc.Service):
        def exposed_answer(self, question):
            return f"{question}!"

    return AnsweringService


def test_the_server_may_call_the_service_of_the_client(connect, rpyc):
    conn = connect("services:two_faced", client_service=make_answering_service(rpyc))
    assert conn.root.ask_client("ready") == "ready!"
    assert conn.root.client_name() == "ANSWERING"


def test_without_a_service_the_client_is_void(connect):
    conn = connect("services:two_faced")
    assert conn.root.client_name() == "VOID"
    with pytest.raises(AttributeError):
        conn.root.ask_client("ready")


@without_pure("it speaks RPyC 6 to who has not spoken yet")
def test_the_server_may_call_the_client_while_it_connects(connect, rpyc):
    """The client must answer as soon as it waits for anything itself."""
    conn = connect("services:eager", client_service=make_answering_service(rpyc))
    eventually(lambda: conn.root.greeting() == "hello!")


def test_a_service_chooses_the_class_of_its_connections(connect):
    assert connect("services:custom_protocol").root.tag() == "tagged connection"


def test_a_subclass_inherits_the_hooks_and_the_exposed_members(lib):
    class Base(lib.Service):
        def exposed_base(self):
            return "base"

    class Derived(Base):
        def exposed_derived(self):
            return self.exposed_base() + " derived"

    conn = lib.connect_thread(remote_service=Derived)
    try:
        assert conn.root.base() == "base"
        assert conn.root.derived() == "base derived"
    finally:
        conn.close()


def test_the_first_argument_may_be_an_instance_on_the_client_side(lib):
    class Local(lib.Service):
        met = 0

        def on_connect(self, conn):
            self.met += 1

    mine = Local()
    lib.connect_thread(service=mine).close()
    lib.connect_thread(service=mine).close()
    assert mine.met == 2
