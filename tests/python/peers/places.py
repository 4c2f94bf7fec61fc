"""The places where the main thread of a program can wait; waits.py waits there."""

import asyncio
import contextlib
import socket
import tempfile
import threading
import time
from pathlib import Path

import sinew
import sinew.rpyc as rpyc
from sinew import serving, ssh

from harness import certificates
from peers.kit import FOR_EVER, QUICK_END, close

PLACES = {}
STALL = "import threading; threading.Event().wait(60)"


def place(function):
    """`function(kit)` makes what is needed, and returns the function that waits."""
    PLACES[function.__name__] = function
    return function


# -- calls -------------------------------------------------------------------------------------


@place
def a_call(kit):
    wait = kit.connect().root.wait
    return lambda: wait("never")


@place
def a_call_with_a_time_limit(kit):
    wait = kit.connect(sync_request_timeout=FOR_EVER).root.wait
    return lambda: wait("never")


@place
def a_call_under_a_deadline(kit):
    wait = kit.connect().root.wait

    def call():
        with sinew.deadline(FOR_EVER):
            wait("never")

    return call


@place
def a_call_inside_of_a_callback(kit):
    root = kit.connect().root
    return lambda: root.call(lambda: root.wait("never"))


@place
def a_call_while_another_thread_reads(kit):
    conn = kit.connect()
    wait = conn.root.wait
    kit.thread(swallow, lambda: rpyc.async_(wait)("never").wait())
    kit.thread(swallow, lambda: wait("never"))
    return lambda: wait("never")


@place
def a_call_beside_a_serving_thread(kit):
    conn = kit.connect()
    wait = conn.root.wait
    background = rpyc.BgServingThread(conn)
    kit.undo.callback(background.stop)
    return lambda: wait("never")


@place
def a_call_to_a_silent_peer(kit):
    conn = kit.silent()
    return lambda: conn.root


@place
def a_call_in_the_middle_of_whose_answer_nothing_comes(kit):
    conn = kit.silent(b"\0\0\x10\0\0half")
    return lambda: conn.root


@place
def a_call_whose_argument_does_not_fit(kit):
    conn = kit.silent()
    return lambda: conn.sync_request(1, bytes(50 << 20))


@place
def an_asynchronous_call_that_does_not_fit(kit):
    conn = kit.silent()

    def call():
        while True:
            conn.async_request(1, bytes(10 << 20))

    return call


@place
def a_call_over_pipes(kit):
    theirs, ours = rpyc.PipeStream.create_pair()
    kit.undo.callback(theirs.close)
    conn = rpyc.connect_stream(ours, config={"sync_request_timeout": None, **QUICK_END})
    kit.undo.callback(close, conn)
    return lambda: conn.root


class OwnStream(rpyc.SocketStream):
    """A program's own: the engine reads and writes through its methods."""

    def read(self, count):
        return super().read(count)

    def write(self, data):
        super().write(data)


@place
def a_call_over_a_stream_of_the_programs_own(kit):
    ours, _ = kit.silent_pair()
    config = {"sync_request_timeout": None, "heartbeat": None, **QUICK_END}
    conn = rpyc.connect_stream(OwnStream(ours), config=config)
    kit.undo.callback(close, conn)
    return lambda: conn.root


@place
def a_call_over_tls(kit):
    wait = tls_connection(kit).root.wait
    return lambda: wait("never")


def tls_connection(kit):
    made = certificates.in_environment()
    server = serving.make_server(
        Waiting(), "tls://127.0.0.1:0", certfile=made.path("server"), keyfile=made.key("server")
    )
    server._start_in_thread()
    kit.undo.callback(server.close)
    conn = sinew.connect(
        f"tls://127.0.0.1:{server.port}",
        cafile=made.path("authority"),
        config={"sync_request_timeout": None, **QUICK_END},
    )
    kit.undo.callback(close, conn)
    return conn


class Waiting:
    """Something to serve."""

    @sinew.expose
    def wait(self, _gate):
        threading.Event().wait(FOR_EVER)


def in_a_with_statement(opened, call):
    """Return what waits for `call(conn)`, and is to be out of the whole statement after Ctrl-C."""

    def wait():
        with opened() as conn:
            call(conn)

    return wait


@place
def a_with_statement_around_a_call(kit):
    def opened():
        return rpyc.connect("127.0.0.1", kit.port, config={"sync_request_timeout": None})

    return in_a_with_statement(opened, lambda conn: conn.root.wait("never"))


@place
def a_with_statement_around_a_reconnecting_one(kit):
    def opened():
        place = f"tcp://127.0.0.1:{kit.port}"
        config = {"sync_request_timeout": None}
        return sinew.connect(place, reconnect=sinew.Backoff(), config=config)

    return in_a_with_statement(opened, lambda conn: conn.root.wait("never"))


@place
def a_with_statement_around_a_helper(kit):
    return in_a_with_statement(sinew.spawn, lambda conn: conn.execute(STALL))


# -- results -----------------------------------------------------------------------------------


@place
def the_value_of_a_result(kit):
    result = rpyc.async_(kit.connect().root.wait)("never")
    return lambda: result.value


@place
def waiting_for_a_result(kit):
    result = rpyc.async_(kit.connect().root.wait)("never")
    return result.wait


@place
def a_timed_call(kit):
    wait = rpyc.timed(kit.connect().root.wait, FOR_EVER)
    return lambda: wait("never").value


@place
def awaiting_a_result(kit):
    wait = rpyc.async_(kit.connect().root.wait)

    async def main():
        await wait("never")

    return lambda: asyncio.run(main())


@place
def iterating(kit):
    numbers = stalling_generator(kit)
    return lambda: list(numbers)


@place
def iterating_in_chunks(kit):
    numbers = stalling_generator(kit)
    return lambda: list(rpyc.buffiter(numbers))


def stalling_generator(kit):
    conn = rpyc.classic.connect_thread()
    kit.undo.callback(close, conn)
    conn._config["close_timeout"] = 0.01
    conn.execute("import threading\ndef numbers():\n yield 1\n threading.Event().wait(60)")
    return conn.namespace["numbers"]()


# -- serving, and connections as such ----------------------------------------------------------


@place
def serving_for_ever(kit):
    return lambda: kit.silent().serve(None)


@place
def serving_for_a_while(kit):
    return lambda: kit.silent().serve(FOR_EVER)


@place
def polling(kit):
    return lambda: kit.silent().poll(FOR_EVER)


@place
def polling_all(kit):
    return lambda: kit.silent().poll_all(FOR_EVER)


@place
def serve_all(kit):
    conn = kit.silent(close_timeout=1)
    return conn.serve_all


@place
def serve_all_for_a_peer_that_waits(kit):
    """Its request is served while Ctrl-C comes."""
    ours, theirs = socket.socketpair()
    config = {"sync_request_timeout": None}
    conn = rpyc.connect_stream(rpyc.SocketStream(ours), service=Lasting, config=config)
    other = rpyc.connect_stream(rpyc.SocketStream(theirs), config=config)
    kit.undo.callback(close, other)
    kit.thread(last, other)
    return conn.serve_all


class Lasting(rpyc.Service):
    """Its call lasts."""

    def exposed_last(self):
        threading.Event().wait(FOR_EVER)


def last(conn):
    swallow(lambda: conn.root.last())  # noqa: PLW0108 - asking for the root belongs to it


def swallow(call):
    with contextlib.suppress(BaseException):
        call()


@place
def serve_threaded(kit):
    conn = kit.silent(close_timeout=1)
    return lambda: conn.serve_threaded(3)


@place
def stopping_a_serving_thread_that_is_busy(kit):
    conn, busy = kit.connect(), threading.Event()
    background = rpyc.BgServingThread(conn)
    gate = f"busy {time.monotonic_ns()}"
    conn.root.call_later(lambda _: busy.set() or threading.Event().wait(FOR_EVER), gate)
    kit.connect().root.open(gate)  # over another connection: nobody but the thread reads this one
    busy.wait(10)
    return background.stop


@place
def a_ping(kit):
    return lambda: kit.silent().ping(timeout=FOR_EVER)


@place
def closing(kit):
    return kit.silent(close_timeout=FOR_EVER).close


@place
def leaving_a_with_statement(kit):
    return lambda: kit.silent(close_timeout=FOR_EVER).__exit__(None, None, None)


# -- connecting --------------------------------------------------------------------------------


@place
def connecting_to_a_black_hole(kit):
    port = kit.black_hole()
    return lambda: sinew.connect(f"tcp://127.0.0.1:{port}", timeout=FOR_EVER)


@place
def connecting_to_a_black_hole_with_rpycs_names(kit):
    port = kit.black_hole()
    return lambda: rpyc.connect("127.0.0.1", port)


@place
def a_tls_handshake(kit):
    port = kit.listener()
    return lambda: sinew.connect(f"tls://127.0.0.1:{port}", timeout=FOR_EVER, verify=False)


@place
def a_token_handshake(kit):
    place = f"tcp://127.0.0.1:{kit.listener()}"
    return lambda: sinew.connect(place, timeout=FOR_EVER, token="correct horse battery")


@place
def the_first_connection_of_a_reconnecting_one(kit):
    place = f"tcp://127.0.0.1:{kit.black_hole()}"
    return lambda: sinew.connect(place, timeout=FOR_EVER, reconnect=sinew.Backoff())


@place
def a_connection_that_is_away(kit):
    server = rpyc.ThreadedServer(Lasting, hostname="127.0.0.1", port=0)
    server._start_in_thread()
    conn = sinew.connect(f"tcp://127.0.0.1:{server.port}", reconnect=sinew.Backoff(first=9, most=9))
    kit.undo.callback(close, conn)
    conn.ping()
    server.close()
    while conn.connected:
        threading.Event().wait(0.01)
    return lambda: conn.root.last()  # noqa: PLW0108 - the root is what it waits for


@place
def spawning(kit):
    return lambda: sinew.spawn(mute_program(kit), timeout=FOR_EVER)


@place
def connecting_over_ssh(kit):
    return lambda: ssh.connect("nowhere", ssh=mute_program(kit), timeout=FOR_EVER)


def mute_program(kit):
    """Return the path of a program that says nothing, whatever its arguments."""
    folder = kit.undo.enter_context(tempfile.TemporaryDirectory())
    path = Path(folder) / "mute"
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    path.chmod(0o700)
    return str(path)


@place
def closing_a_helper_that_does_not_end(kit):
    conn = sinew.spawn()
    conn.execute("import atexit, threading; atexit.register(threading.Event().wait, 60)")
    kit.undo.callback(conn.proc.kill)
    return conn.close


@place
def discovering(kit):
    registrar = rpyc.utils.registry.UDPRegistryClient(ip="127.0.0.1", port=kit.listener())
    registrar.timeout = FOR_EVER
    return lambda: rpyc.discover("NOTHING", registrar=registrar)


@place
def asking_a_registry_over_tcp(kit):
    registrar = rpyc.utils.registry.TCPRegistryClient(ip="127.0.0.1", port=kit.listener())
    registrar.timeout = FOR_EVER
    return lambda: rpyc.discover("NOTHING", registrar=registrar)


# -- servers -----------------------------------------------------------------------------------


KINDS = ("ThreadedServer", "OneShotServer", "ThreadPoolServer", "ForkingServer")


def start_of(kind, visit=None):
    """Return a place: the start() of that kind of server, with a client if there is a visit."""

    def start(kit):
        server = getattr(rpyc.utils.server, kind)(Lasting, hostname="127.0.0.1", port=0)
        if visit is not None:
            server.listener.listen(5)
            conn = rpyc.connect("127.0.0.1", server.port, config={"sync_request_timeout": None})
            kit.thread(swallow, lambda: visit(conn))
        return server.start

    return start


def be_silent(conn):
    """Connect, have the server notice, and read nothing any more."""
    conn.async_request(1, "ping")
    threading.Event().wait(FOR_EVER)


for kind in KINDS:
    PLACES[f"start_of_a_{kind}"] = start_of(kind)
    PLACES[f"start_of_a_busy_{kind}"] = start_of(kind, last)
    PLACES[f"start_of_a_{kind}_with_a_silent_client"] = start_of(kind, be_silent)


@place
def serving_an_object(kit):
    return lambda: sinew.serve(Waiting(), "tcp://127.0.0.1:0")


@place
def a_udp_registry(kit):
    return rpyc.utils.registry.UDPRegistryServer(host="127.0.0.1", port=0).start


@place
def a_tcp_registry(kit):
    return rpyc.utils.registry.TCPRegistryServer(host="127.0.0.1", port=0).start


# -- dispatchers -------------------------------------------------------------------------------


@place
def a_main_loop(kit):
    return sinew.dispatch.MainLoop().run_forever


@place
def a_call_that_runs_on_a_main_loop(kit):
    """The thread that drains is in the middle of a request."""
    loop = sinew.dispatch.MainLoop()
    ours, theirs = socket.socketpair()
    conn = rpyc.connect_stream(
        rpyc.SocketStream(ours), service=Lasting, config={"dispatcher": loop, **QUICK_END}
    )
    other = rpyc.connect_stream(rpyc.SocketStream(theirs), config=QUICK_END)
    kit.undo.callback(close, other)
    kit.undo.callback(close, conn)
    kit.thread(last, other)
    kit.thread(swallow, conn.serve_all)
    return loop.run_forever


@place
def running_something_where_calls_run(kit):
    pool = sinew.dispatch.Pool(1)
    return lambda: pool.run(threading.Event().wait, FOR_EVER)


@place
def a_call_with_a_dispatcher(kit):
    pool = sinew.dispatch.Pool(2)
    kit.undo.callback(pool.close)
    wait = kit.connect(dispatcher=pool).root.wait
    return lambda: wait("never")
