"""The server object as its own program uses it: attributes, life, hooks for subclasses."""

import logging
import socket
import threading

import pytest

from harness.combos import ours_only
from harness.impls import submodule
from harness.waiting import eventually


def make_service(lib):
    class EchoService(lib.Service):
        def exposed_echo(self, value):
            return value

    return EchoService


@pytest.fixture
def start(lib):
    """A function that starts a server of this implementation in a thread of this process."""
    started = []

    def start_server(kind="ThreadedServer", service=None, server_class=None, **options):
        chosen = server_class or getattr(submodule(lib, "utils.server"), kind)
        if "socket_path" not in options:
            options.setdefault("hostname", "localhost")
        server = chosen(service or make_service(lib), **options)
        started.append((server, server._start_in_thread()))
        return server

    yield start_server
    for server, thread in started:
        server.close()
        thread.join(10)


def test_a_server_tells_where_it_listens(lib, start):
    server = start()
    assert server.host in ("127.0.0.1", "localhost")
    assert isinstance(server.port, int)
    assert server.port > 0
    assert server.active
    assert server.fileno() == server.listener.fileno()
    with lib.connect("localhost", server.port) as conn:
        assert conn.root.echo(5) == 5


def test_the_attributes_of_a_server(lib, start):
    server = start(protocol_config={"allow_public_attrs": True})
    assert server.protocol_config["allow_public_attrs"] is True
    assert server.service.get_service_name() == "ECHO"
    assert server.authenticator is None
    assert not server.auto_register
    assert server.logger.name == f"ECHO/{server.port}"
    assert len(server.clients) == 0


def test_clients_are_listed_while_they_are_connected(lib, start):
    server = start()
    first, second = (lib.connect("localhost", server.port) for _ in range(2))
    first.ping()
    second.ping()
    assert len(server.clients) == 2
    assert all(hasattr(sock, "getpeername") for sock in server.clients)
    first.close()
    eventually(lambda: len(server.clients) == 1)
    second.close()
    eventually(lambda: not server.clients)


def test_the_configuration_of_a_server_may_change_for_later_connections(lib, start):
    server = start()

    class Thing:
        hidden = 1

    server.service.exposed_thing = lambda self: Thing()
    with lib.connect("localhost", server.port) as conn, pytest.raises(AttributeError):
        _ = conn.root.thing().hidden
    server.protocol_config["allow_public_attrs"] = True
    with lib.connect("localhost", server.port) as conn:
        assert conn.root.thing().hidden == 1


def test_closing_a_server_ends_its_connections(lib, start):
    server = start()
    conn = lib.connect("localhost", server.port)
    conn.ping()
    server.close()
    with pytest.raises(EOFError):
        conn.root.echo(1)
    assert not server.active
    assert server._closed
    with pytest.raises(OSError):
        socket.create_connection(("localhost", server.port), 2).close()


def test_closing_a_server_twice_is_allowed(start):
    server = start()
    server.close()
    server.close()
    assert not server.clients


def test_the_serving_thread_ends_when_the_server_closes(lib):
    server = lib.ThreadedServer(make_service(lib), hostname="localhost")
    thread = server._start_in_thread()
    assert thread.is_alive()
    server.close()
    thread.join(10)
    assert not thread.is_alive()


def test_start_serves_in_the_calling_thread_until_close(lib):
    server = lib.ThreadedServer(make_service(lib), hostname="localhost")
    thread = lib.spawn(server.start)
    eventually(lambda: server.active)
    with lib.connect("localhost", server.port) as conn:
        assert conn.root.echo("x") == "x"
    server.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_one_shot_server_is_closed_after_its_client(lib, start):
    server = start("OneShotServer")
    with lib.connect("localhost", server.port) as conn:
        assert conn.root.echo(1) == 1
    eventually(lambda: server._closed and server.listener._closed)
    assert not server.clients


def test_a_port_in_use_is_an_error(lib, start):
    server = start()
    with pytest.raises(OSError):
        lib.ThreadedServer(
            make_service(lib),
            hostname="localhost",
            port=server.port,
            reuse_addr=False,
        )._start_in_thread()


def test_a_unix_socket_excludes_an_address(lib, tmp_path):
    with pytest.raises(ValueError):
        lib.ThreadedServer(
            make_service(lib), hostname="localhost", socket_path=str(tmp_path / "socket")
        )


@ours_only
def test_the_socket_of_a_server_that_was_killed_is_taken_over(lib, start, tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
        dead.listen()
    server = start(socket_path=path)
    assert server.port == path
    with pytest.raises(OSError, match="in use"):
        lib.ThreadedServer(make_service(lib), socket_path=path)
    other = tmp_path / "file"
    other.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        lib.ThreadedServer(make_service(lib), socket_path=str(other))
    assert other.read_text() == "mine"


@ours_only
def test_what_is_no_dispatcher_is_refused_at_once(lib):
    with pytest.raises(TypeError, match="dispatcher must be one of"):
        lib.ThreadedServer(make_service(lib), port=0, dispatcher=3)


def test_a_unix_server_tells_its_path(lib, start, tmp_path):
    path = str(tmp_path / "socket")
    server = start(socket_path=path)
    assert server.host == "" or server.host == path
    assert server.port == path
    with submodule(lib, "utils.factory").unix_connect(path) as conn:
        assert conn.root.echo(2) == 2


def test_the_hooks_of_a_subclass_are_called_in_their_order(lib, start):
    calls = []

    class Hooked(lib.ThreadedServer):
        def _accept_method(self, sock):
            calls.append("accept")
            super()._accept_method(sock)

        def _authenticate_and_serve_client(self, sock):
            calls.append("authenticate")
            super()._authenticate_and_serve_client(sock)

        def _serve_client(self, sock, credentials):
            calls.append(("serve", credentials))
            super()._serve_client(sock, credentials)

        def _handle_connection(self, conn):
            calls.append(("handle", isinstance(conn, lib.Connection)))
            super()._handle_connection(conn)

    server = start(server_class=Hooked, authenticator=lambda sock: (sock, "known"))
    with lib.connect("localhost", server.port) as conn:
        conn.ping()
    assert calls == ["accept", "authenticate", ("serve", "known"), ("handle", True)]


def test_a_server_logs_through_the_logger_it_is_given(lib, start):
    lines = []

    class Lines(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    logger = logging.getLogger("test-server-log")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(Lines())
    server = start(logger=logger)
    with lib.connect("localhost", server.port) as conn:
        conn.ping()
    eventually(lambda: any(line.startswith("goodbye") for line in lines))
    assert f"server started on [127.0.0.1]:{server.port}" in lines
    assert any(line.startswith("accepted (") for line in lines)
    assert any(line.startswith("welcome (") for line in lines)


def test_a_served_exception_goes_to_the_debug_log(lib, start):
    seen = threading.Event()

    class Watch(logging.Handler):
        def emit(self, record):
            if record.exc_info and "Exception caught" in record.getMessage():
                seen.set()

    logger = logging.getLogger("test-server-debug")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(Watch())
    server = start(logger=logger)
    with lib.connect("localhost", server.port) as conn, pytest.raises(TypeError):
        conn.root.echo()
    assert seen.wait(5)
