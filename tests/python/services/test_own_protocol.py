"""Connections of a class of one's own: `Service._protocol`, and what serves their requests."""

import pytest

from harness.impls import submodule
from peers.protocols import OWN_REQUEST


@pytest.fixture
def consts(rpyc):
    return submodule(rpyc, "core.consts")


@pytest.fixture
def ping(consts):
    """A function `ping(conn, data)` that returns the answer, whatever it is."""
    return lambda conn, data: conn.sync_request(consts.HANDLE_PING, data)


def test_an_assigned_handler_serves_the_request(connect, ping):
    conn = connect("protocols:assigned")
    assert ping(conn, "data") == ("tagged", "data")
    assert conn.root.add(1, 2) == 3


def test_an_error_of_an_assigned_handler_is_that_of_the_request(connect, ping):
    conn = connect("protocols:assigned")
    with pytest.raises(KeyError):
        ping(conn, "fail")
    assert ping(conn, 1) == ("tagged", 1)


def test_a_request_that_nobody_knows_is_a_key_error(connect, ping):
    conn = connect("protocols:assigned")
    with pytest.raises(KeyError):
        conn.sync_request(OWN_REQUEST, "data")
    assert ping(conn, 1) == ("tagged", 1)


def test_a_request_with_a_number_of_its_own(connect):
    conn = connect("protocols:numbered")
    assert conn.sync_request(OWN_REQUEST, "data") == ("tagged", "data")


@pytest.mark.parametrize("service", ["updated", "exchanged"])
def test_handlers_that_are_changed_together(connect, ping, service):
    assert ping(connect(f"protocols:{service}"), "data") == "tagged"


def test_a_handler_may_call_the_one_it_replaced(connect, ping):
    assert ping(connect("protocols:wrapped"), "data") == ("wrapped", "data")


def test_a_request_without_a_handler_is_refused(connect, ping):
    conn = connect("protocols:removed")
    with pytest.raises(KeyError):
        ping(conn, "data")
    assert conn.root.add(1, 2) == 3


def test_the_class_may_extend_what_makes_the_handlers(connect, ping):
    conn = connect("protocols:extended")
    assert ping(conn, "data") == ("own", "data")
    assert conn.sync_request(OWN_REQUEST, 1) == ("own", 1)
    assert conn.root.add(1, 2) == 3


@pytest.mark.parametrize(
    ("request_name", "method"),
    [
        ("HANDLE_PING", "_handle_ping"),
        ("HANDLE_GETROOT", "_handle_getroot"),
        ("HANDLE_GETATTR", "_handle_getattr"),
        ("HANDLE_GETATTR", "_check_attr"),
        ("HANDLE_CALL", "_handle_call"),
        ("HANDLE_STR", "_handle_str"),
        ("HANDLE_REPR", "_handle_repr"),
        ("HANDLE_HASH", "_handle_hash"),
        ("HANDLE_DIR", "_handle_dir"),
        ("HANDLE_BUFFITER", "_handle_buffiter"),
        ("HANDLE_CMP", "_handle_cmp"),
    ],
)
def test_a_method_that_serves_requests_may_be_overridden(connect, consts, request_name, method):
    conn = connect("protocols:overriding")
    root, items = conn.root, conn.root.items
    arguments = {
        "HANDLE_PING": ("data",),
        "HANDLE_GETROOT": (),
        "HANDLE_GETATTR": (root, "add"),
        "HANDLE_CALL": (root.add, (1, 2)),
        "HANDLE_BUFFITER": (iter(items), 2),
        "HANDLE_CMP": (items, items, "__eq__"),
    }.get(request_name, (root,))
    conn.sync_request(getattr(consts, request_name), *arguments)
    assert method in root.seen()


def test_describing_an_error_may_be_overridden(connect):
    conn = connect("protocols:overriding")
    with pytest.raises(LookupError):
        conn.root.fail()
    assert "_box_exc" in conn.root.seen()


def test_asking_may_be_overridden(connect, rpyc):
    asked = []

    class Asking(submodule(rpyc, "core.protocol").Connection):
        def sync_request(self, handler, *args):
            asked.append(handler)
            return super().sync_request(handler, *args)

    class Client(rpyc.VoidService):
        _protocol = Asking

    conn = connect("protocols:assigned", client_service=Client)
    assert conn.root.add(1, 2) == 3
    assert asked
