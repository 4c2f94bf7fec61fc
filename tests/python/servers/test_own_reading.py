"""Servers leave reading to the connection class of the service, and hooks to their subclass."""

import threading

import pytest

from harness.impls import submodule

SERVERS = ["ThreadedServer", "OneShotServer"]


@pytest.mark.parametrize("server", SERVERS)
def test_serve_all_of_the_program_decides_on_which_thread_calls_run(connect, server):
    conn = connect("reading:on_one_thread", server=server, fresh=True)
    assert conn.root.thread() == "the program's own"
    assert conn.root.call(lambda: "called back") == "called back"
    assert conn.root.thread() == "the program's own"


@pytest.mark.parametrize("server", [*SERVERS, "ThreadPoolServer"])
def test_serve_of_the_program_reads_every_message(connect, server):
    conn = connect("reading:served", server=server, fresh=True)
    conn.ping()
    assert any(conn.root.seen())
    before = len(conn.root.seen())
    assert conn.root.call(lambda: "called back") == "called back"
    # The request, the answer of the callback, and the two that asked.
    assert len(conn.root.seen()) >= before + 3


def calls_hook(lib, kind, hook):
    """Tell whether a server calls that method of a subclass while it serves a client."""
    base = getattr(submodule(lib, "utils.server"), kind)
    called = threading.Event()

    def method(self, *args):
        called.set()
        return getattr(base, hook)(self, *args)

    server = type("Own", (base,), {hook: method})(lib.Service, hostname="127.0.0.1", port=0)
    serving = server._start_in_thread()
    try:
        with lib.connect("127.0.0.1", server.port) as conn:
            conn.ping()
            return called.is_set()
    finally:
        server.close()
        serving.join(10)


HOOKS = ["_listen", "_accept_method", "_authenticate_and_serve_client", "_serve_client"]


@pytest.mark.parametrize("hook", [*HOOKS, "_handle_connection"])
@pytest.mark.parametrize("kind", SERVERS)
def test_a_hook_of_a_subclass_is_called(lib, kind, hook):
    assert calls_hook(lib, kind, hook)


@pytest.mark.parametrize(
    "hook", ["_listen", "_accept_method", "_authenticate_and_build_connection"]
)
def test_a_hook_of_a_pools_subclass_is_called(lib, hook):
    assert calls_hook(lib, "ThreadPoolServer", hook)
