"""Calls that call back, which call again: nobody waits for a thread that waits for him."""

import threading

import pytest

from harness.combos import only
from harness.waiting import Worker


def dispatchers(ours):
    return {
        "MainLoop": ours.dispatch.MainLoop,
        "OneAtATime": ours.dispatch.OneAtATime,
        "Pool": lambda: ours.dispatch.Pool(1),
        "Pool2": lambda: ours.dispatch.Pool(2),
    }


@pytest.fixture(params=["MainLoop", "OneAtATime", "Pool", "Pool2"])
def any_dispatcher(request, ours):
    made = dispatchers(ours)[request.param]()
    if request.param != "MainLoop":
        yield made
        return
    worker = Worker(made.run_forever)
    yield made
    made.close()
    worker.result()


@only(server="ours")
def test_nested_callbacks_run_inside_each_other(served, connect_here, any_dispatcher):
    conn = connect_here(served(any_dispatcher))

    def back(depth):
        return conn.root.nest(back, depth)

    for depth in (1, 2, 6):
        threads = conn.root.nest(back, depth)
        assert len(threads) == depth + 1
        if any_dispatcher.thread:
            assert set(threads) == {any_dispatcher.thread}


@only(server="ours")
def test_many_clients_nest_at_the_same_time(served, connect_here, any_dispatcher):
    server = served(any_dispatcher)

    def work():
        conn = connect_here(server)

        def back(depth):
            return conn.root.nest(back, depth)

        for _ in range(15):
            assert len(conn.root.nest(back, 3)) == 4

    for worker in [Worker(work) for _ in range(6)]:
        worker.result(25)


@only(server="ours")
def test_a_callback_that_is_waited_for_later_may_call_again(served, connect_here, any_dispatcher):
    conn = connect_here(served(any_dispatcher))
    for _ in range(20):
        assert conn.root.call_later(lambda: conn.root.add(1, 2)) == 3


@only(client="ours")
def test_a_callback_of_a_call_of_the_dispatchers_thread_runs_on_it(
    ours, serve, rpyc, client_config
):
    loop = ours.dispatch.MainLoop()
    server = serve("gates:gates")
    conn = rpyc.connect(
        "127.0.0.1",
        server.port,
        config={**client_config, "dispatcher": loop, "sync_request_timeout": 15},
    )
    reader = rpyc.BgServingThread(conn)
    me = threading.get_ident()
    call = conn.root.call
    for _ in range(50):
        assert call(threading.get_ident) == me

    def deep(depth):
        return [threading.get_ident(), *(call(deep, depth - 1) if depth else [])]

    assert set(call(deep, 5)) == {me}
    reader.stop()
    conn.close()


@only(client="ours")
def test_what_belongs_to_no_call_waits_for_the_dispatcher(
    ours, serve, rpyc, client_config, connect_to
):
    loop = ours.dispatch.MainLoop()
    server = serve("gates:gates", fresh=True)
    conn = rpyc.connect("127.0.0.1", server.port, config={**client_config, "dispatcher": loop})
    other = connect_to(server)
    reader = rpyc.BgServingThread(conn)
    ran_on = []
    conn.root.call_later(lambda *_: ran_on.append(threading.get_ident()), "later")
    other.root.open("later")
    from select import select  # noqa: PLC0415

    assert select([loop], [], [], 10)[0] == [loop]
    assert ran_on == []
    assert loop.run_pending() == 1
    assert ran_on == [threading.get_ident()]
    reader.stop()
    conn.close()
