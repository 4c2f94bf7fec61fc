"""What a pooled server owes its clients at the end, and when several threads share a connection."""

import gc
import threading
import weakref

import pytest
import sinew.rpyc as rpyc
from sinew.rpyc.utils.server import ThreadedServer, ThreadPoolServer

import wire
from harness.waiting import Worker, eventually

CLIENTS = 5


def start(kind, service):
    server = kind(
        service,
        hostname="127.0.0.1",
        protocol_config={"offer_extensions": False, "close_timeout": 0.2},
    )
    server._start_in_thread()
    return server


@pytest.mark.parametrize("kind", [ThreadedServer, ThreadPoolServer])
def test_closing_the_server_disconnects_everybody(kind):
    left = []

    class Service(rpyc.Service):
        def on_disconnect(self, conn):
            left.append(conn)

    server = start(kind, Service)
    conns = [rpyc.connect("127.0.0.1", server.port) for _ in range(CLIENTS)]
    for conn in conns:
        conn.ping()
    server.close()
    eventually(lambda: len(left) == CLIENTS)
    for conn in conns:
        conn.close()


def test_a_closed_server_is_let_go_of():
    server = start(ThreadPoolServer, rpyc.VoidService)
    conn = rpyc.connect("127.0.0.1", server.port)
    conn.ping()
    server.close()
    conn.close()
    alive = weakref.ref(server)
    del server

    def is_gone():
        gc.collect()
        return alive() is None

    eventually(is_gone)


def test_a_request_may_close_its_own_server():
    class Service(rpyc.Service):
        def exposed_shut(self):
            server.close()

    server = start(ThreadPoolServer, Service)
    conn = rpyc.connect("127.0.0.1", server.port)
    worker = Worker(conn.root.shut)
    with pytest.raises(EOFError):
        worker.result(10)
    conn.close()


def test_a_request_that_another_thread_has_read_is_served():
    """A thread of the service calls back and reads, with its answer, the request behind it."""
    called = threading.Event()

    class Service(rpyc.Service):
        def on_connect(self, conn):
            self.conn = conn

        def exposed_go(self):
            threading.Thread(target=self.call_back).start()

        def call_back(self):
            self.conn.sync_request(wire.PING, "back")
            called.set()

    server = start(ThreadPoolServer, Service)
    with wire.Raw(server.port) as raw:
        root = raw.root()
        _, _, (_, go) = raw.ask(1, wire.GETATTR, (wire.LOCAL_REF, root), wire.boxed("go"))
        for seq in range(2, 100, 2):
            raw.send(
                wire.request(seq, wire.CALL, (wire.LOCAL_REF, go), wire.boxed(()), wire.boxed(()))
            )
            first, second = raw.reply(), raw.reply()
            ping = first if first[0] == wire.REQUEST else second
            answer = wire.frame(wire.message(wire.REPLY, ping[1], wire.boxed("back")))
            raw.send(answer + wire.request(seq + 1, wire.PING, wire.boxed(seq)))
            assert raw.reply() == (wire.REPLY, seq + 1, wire.boxed(seq))
        assert called.wait(5)
    server.close()
