"""Calls on an asyncio loop: `async def` on the server, `await` in the client."""

import asyncio
import threading
from typing import ClassVar

import pytest

from harness.combos import only
from harness.waiting import Worker, eventually


class Running:
    """An asyncio loop in a thread, as the main thread of a program would have it."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = Worker(self.loop.run_forever)

    def stop(self):
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.result()
            self.loop.close()


@pytest.fixture
def running():
    made = Running()
    yield made
    made.stop()


@pytest.fixture
def service(ours):
    class Coroutines(ours.rpyc.Service):
        events: ClassVar = []
        gate = None

        def exposed_where(self):
            return threading.get_ident()

        async def exposed_add(self, a, b):
            await asyncio.sleep(0)
            self.events.append(threading.get_ident())
            return a + b

        async def exposed_fail(self):
            await asyncio.sleep(0)
            raise KeyError("failed")

        async def exposed_open(self):
            self._gate().set()

        async def exposed_wait(self):
            self.events.append("waiting")
            try:
                await self._gate().wait()
            except asyncio.CancelledError:
                self.events.append("cancelled")
                raise
            return "opened"

        def _gate(self):
            cls = type(self)
            if cls.gate is None:
                cls.gate = asyncio.Event()
            return cls.gate

        async def exposed_ask_back(self, function):
            return await ours.async_(function)() + 1

        async def exposed_left(self):
            from sinew._sinew import deadline_variable  # noqa: PLC0415

            return deadline_variable.get(None) is not None

    return Coroutines


@only(server="ours")
def test_coroutine_functions_are_awaited_on_the_loop(ours, served, connect_here, running, service):
    conn = connect_here(served(ours.dispatch.Asyncio(running.loop), service))
    assert conn.root.add(1, 2) == 3
    assert conn.root.where() == running.thread.ident
    assert service.events == [running.thread.ident]
    with pytest.raises(KeyError, match="failed"):
        conn.root.fail()


@only(server="ours")
def test_coroutines_of_one_connection_wait_at_the_same_time(
    ours, served, connect_here, running, service, rpyc
):
    conn = connect_here(served(ours.dispatch.Asyncio(running.loop), service))
    waiting = [rpyc.async_(conn.root.wait)() for _ in range(5)]
    conn.root.open()
    assert [each.value for each in waiting] == ["opened"] * 5


@only(server="ours")
def test_a_coroutine_may_await_its_caller(ours, served, connect_here, running, service):
    conn = connect_here(served(ours.dispatch.Asyncio(running.loop), service))
    assert conn.root.ask_back(lambda: conn.root.add(1, 2)) == 4


@only(server="ours")
def test_a_coroutine_ends_with_its_connection(ours, served, connect_here, running, service, rpyc):
    conn = connect_here(served(ours.dispatch.Asyncio(running.loop), service))
    waiting = rpyc.async_(conn.root.wait)()
    eventually(lambda: "waiting" in service.events)
    conn.close()
    eventually(lambda: "cancelled" in service.events)
    assert waiting is not None


@only(client="ours", server="ours")
def test_a_coroutine_is_cancelled_with_its_call(ours, served, connect_here, running, service):
    conn = connect_here(served(ours.dispatch.Asyncio(running.loop), service))
    waiting = ours.async_(conn.root.wait)()
    eventually(lambda: "waiting" in service.events)
    assert waiting.cancel()
    eventually(lambda: "cancelled" in service.events)


@only(client="ours", server="ours")
def test_a_coroutine_is_under_the_deadline_of_its_caller(
    ours, served, connect_here, running, service
):
    conn = connect_here(served(ours.dispatch.Asyncio(running.loop), service))
    assert not conn.root.left()
    with ours.deadline(5):
        assert conn.root.left()
    with pytest.raises(TimeoutError), ours.deadline(0.3):
        conn.root.wait()
    eventually(lambda: "cancelled" in service.events)


@only(server="ours")
def test_a_closed_loop_is_an_error_at_once(ours, served, connect_here, running, service):
    conn = connect_here(served(ours.dispatch.Asyncio(running.loop), service))
    add = conn.root.add
    assert add(1, 2) == 3
    running.stop()
    with pytest.raises(RuntimeError, match="asyncio loop that runs the calls is closed"):
        add(1, 2)


@only(client="ours")
def test_results_can_be_awaited_without_a_thread(ours, serve, connect_to, rpyc):
    conn = connect_to(serve("gates:gates"))
    add, fail = conn.root.add, conn.root.fail
    threads = threading.active_count()

    async def main():
        plus = rpyc.async_(add)
        assert await plus(1, 2) == 3
        sums = await asyncio.gather(*(plus(i, i) for i in range(200)))
        assert sums == [2 * i for i in range(200)]
        with pytest.raises(KeyError):
            await rpyc.async_(fail)()
        assert threading.active_count() == threads

    asyncio.run(asyncio.wait_for(main(), 20))


@only(client="ours")
def test_waiting_for_a_result_leaves_the_loop_free(ours, serve, connect_to, rpyc):
    server = serve("gates:gates", fresh=True)
    conn, other = connect_to(server), connect_to(server)
    wait, add, open_ = conn.root.wait, conn.root.add, other.root.open

    async def main():
        waiting = asyncio.ensure_future(_awaited(rpyc.async_(wait)("asyncio", 7)))
        for i in range(20):
            await asyncio.sleep(0)
            assert not waiting.done()
            assert i >= 0
        open_("asyncio")
        assert await waiting == 7
        assert add(1, 2) == 3

    asyncio.run(asyncio.wait_for(main(), 20))


@only(client="ours")
def test_a_loop_and_a_thread_share_a_connection(ours, serve, connect_to, rpyc):
    conn = connect_to(serve("gates:gates"))
    add = conn.root.add
    over = threading.Event()

    def call():
        count = 0
        while not over.is_set():
            assert add(count, 1) == count + 1
            count += 1
        return count

    async def main():
        plus = rpyc.async_(add)
        for i in range(1500):
            assert await plus(i, i) == 2 * i

    other = Worker(call)
    try:
        asyncio.run(asyncio.wait_for(main(), 20))
    finally:
        over.set()
    assert other.result() > 0


@only(client="ours")
def test_a_cancelled_task_and_a_dead_peer_end_the_waiting(ours, serve, connect_to, rpyc):
    server = serve("gates:gates", fresh=True)
    conn = connect_to(server)
    wait = rpyc.async_(conn.root.wait)

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_awaited(wait("never")), 0.1)
        slow = wait("nor this")
        slow.set_expiry(0.1)
        with pytest.raises(TimeoutError):
            await slow
        dying = asyncio.ensure_future(_awaited(wait("nor that")))
        await asyncio.sleep(0)
        server.stop()
        with pytest.raises(EOFError):
            await dying

    asyncio.run(asyncio.wait_for(main(), 20))


async def _awaited(result):
    return await result
