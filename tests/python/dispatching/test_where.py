"""On which thread a server's calls run, and in which order."""

import threading

import pytest

import wire
from harness.combos import only
from harness.waiting import Stopwatch, Worker, eventually

pytestmark = only(server="ours")


def test_everything_that_runs_the_programs_code_runs_on_the_given_thread(
    served, connect_here, loop, work
):
    conn = connect_here(served(loop))
    thing = conn.root.thing()
    assert thing.attribute == 1
    thing.method()
    assert (str(thing), repr(thing), hash(thing)) == ("thing", "<thing>", 7)
    assert thing == conn.root.thing()
    with thing:
        assert list(thing) == [1, 2]
        assert len(thing) == 2
    del thing
    eventually(lambda: conn.root.where() and "del" in dict(work.journal))
    conn.close()
    eventually(lambda: "disconnect" in dict(work.journal))
    assert {thread for _, thread in work.journal} == {loop.drainer}
    assert {what for what, _ in work.journal} >= set(
        "connect attribute method str repr hash enter eq exit iter len del disconnect".split()
    )


def test_a_ping_does_not_wait_for_the_thread(ours, served, connect_here, work):
    loop = ours.dispatch.MainLoop()
    drainer = Worker(loop.run_forever)
    conn = connect_here(served(loop))
    waiting = Worker(conn.root.wait)
    assert work.entered.acquire(timeout=10)
    conn.ping(timeout=10)
    work.gate.set()
    assert waiting.result() == drainer.ident
    loop.stop()
    drainer.result()


def test_one_dispatcher_serves_many_connections_and_servers(served, connect_here, loop):
    servers = [served(loop), served(loop)]
    conns = [connect_here(server) for server in servers for _ in range(3)]
    assert {conn.root.where() for conn in conns} == {loop.drainer}


def test_calls_of_a_connection_run_in_the_order_in_which_they_were_made(
    served, connect_here, loop, work, rpyc
):
    conn = connect_here(served(loop))
    note = rpyc.async_(conn.root.note)
    results = [note(i) for i in range(300)]
    for result in results:
        result.wait()
    assert [item for item in work.journal if isinstance(item, int)] == list(range(300))


def test_what_a_client_asked_for_before_it_left_is_done(served, connect_here, ours, work, rpyc):
    loop = ours.dispatch.MainLoop()
    server = served(loop)
    drainer = Worker(loop.run_forever)
    conn = connect_here(server)
    note = rpyc.async_(conn.root.note)
    results = [note(i) for i in range(50)]
    conn.close()
    eventually(lambda: any(item[0] == "disconnect" for item in work.journal if type(item) is tuple))
    assert [item for item in work.journal if isinstance(item, int)] == list(range(50))
    assert work.journal[-1] == ("disconnect", drainer.ident)
    assert len(results) == 50
    loop.stop()
    drainer.result()


def test_exceptions_come_back(served, connect_here, loop):
    conn = connect_here(served(loop))
    with pytest.raises(KeyError, match="failed"):
        conn.root.fail()
    assert conn.root.add(1, 2) == 3


def test_calls_on_a_pool_run_at_the_same_time(ours, served, connect_here, work):
    conn = connect_here(served(ours.dispatch.Pool(3)))
    wait = conn.root.wait
    waiting = [Worker(wait) for _ in range(5)]
    for _ in range(3):
        assert work.entered.acquire(timeout=10)
    assert not work.entered.acquire(timeout=0.1)  # the pool has three threads
    conn.ping()
    work.gate.set()
    threads = {each.result() for each in waiting}
    assert work.most_at_once == 3
    assert len(threads) == 3
    assert threading.get_ident() not in threads


def test_one_at_a_time_means_one_at_a_time_for_64_clients(ours, served, connect_here, work):
    server = served(ours.dispatch.OneAtATime())
    conns = [connect_here(server) for _ in range(64)]

    def count(conn):
        for _ in range(10):
            conn.root.count()

    for worker in [Worker(count, conn) for conn in conns]:
        worker.result(25)
    assert (work.total, work.most_at_once) == (640, 1)


def test_a_pool_of_connections_may_hand_its_calls_over(served, connect_here, loop):
    conn = connect_here(served(loop, server="ThreadPoolServer"))
    assert {conn.root.where() for _ in range(20)} == {loop.drainer}


def test_a_pool_goes_on_when_a_thread_could_not_be_started(ours, monkeypatch):
    pool, ran, failed = ours.dispatch.Pool(1), threading.Event(), []
    start = threading.Thread.start

    def start_but_once(thread):
        if not failed:
            failed.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_but_once)
    with pytest.raises(RuntimeError):
        pool.submit(lambda: None)
    pool.submit(ran.set)
    assert ran.wait(10)
    pool.close()


def test_what_comes_while_a_main_loop_is_closed_is_refused(ours):
    """Closed between the look at it and the entry into the queue."""

    class Closing(ours.dispatch.MainLoop):
        def _refuse_if_closed(self):
            self.close()

    loop, ran = Closing(), []
    loop.submit(lambda: ran.append(1))
    assert loop.run_pending() == 0
    assert ran == []


def test_a_call_from_within_submit_is_refused(ours, served, connect_here, work):
    """Its answer would be read by the thread that waits for it in vain."""
    told = []

    class Asking(ours.dispatch.OneAtATime):
        def submit(self, job):
            asked = [instance.conn for instance in connected]
            for conn in asked:
                for ask in (conn.ping, lambda conn=conn: conn.async_request(1, b"").value):
                    with pytest.raises(RuntimeError, match="submit"):
                        ask()
                    told.append(1)
            super().submit(job)

    connected = []

    class Known(work):
        def on_connect(self, conn):
            super().on_connect(conn)
            connected.append(self)

    conn = connect_here(served(Asking(), service=Known))
    watch = Stopwatch()
    assert conn.root.add(1, 2) == 3
    assert told
    assert watch.seconds < 10


def test_who_does_not_read_holds_up_nobody_and_is_cut_off(ours, served, connect_here):
    """One thread serves all: it must not wait for a client that asks for much and reads nothing."""
    one = ours.dispatch.OneAtATime()
    server = served(one)
    honest = connect_here(server)
    with wire.Raw(server.port) as greedy:
        root = greedy.root()
        arguments = (wire.LOCAL_REF, root), *map(wire.boxed, ("large", (), ()))
        for number in range(1, 6):  # of 30 MiB each; the limit is 64
            greedy.send(wire.request(number, wire.CALLATTR, *arguments))
            watch = Stopwatch()
            assert honest.root.add(number, 1) == number + 1
            assert watch.seconds < 10
        eventually(lambda: honest.root.add(1, 1) and len(server.clients) == 1, timeout=20)
    assert honest.root.add(1, 2) == 3
    one.close()
