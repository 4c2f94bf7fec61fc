"""Serve coroutines, and call them from coroutines.

    python examples/asyncio_server.py

A method that is `async def` is awaited on the loop; its caller, which may be a plain RPyC client,
needs to know nothing of that. `await` on the result of an asynchronous call waits on the loop, too.
"""

import asyncio
import queue
import threading

import sinew


class Kitchen:
    """Cooks several things at the same time, on one thread."""

    def __init__(self):
        self._bell = asyncio.Event()

    @sinew.expose
    async def cook(self, dish):
        """Return the dish once the bell has rung."""
        await self._bell.wait()
        return f"one {dish}"

    @sinew.expose
    async def ring(self):
        """Ring the bell."""
        self._bell.set()


async def eat(address):
    """Order three things, ring, and return them; all on this thread."""
    kitchen = sinew.connect(address)
    cook, ring = sinew.async_(kitchen.root.cook), sinew.async_(kitchen.root.ring)
    orders = [cook(dish) for dish in ("soup", "egg", "cake")]
    await ring()
    return await asyncio.gather(*(served(order) for order in orders))


async def served(order):
    """Return what was ordered; `gather` takes coroutines."""
    return await order


def serve_in_background():
    """Serve the kitchen on a loop in a thread; return the address."""
    addresses = queue.SimpleQueue()

    async def serve():
        kitchen, loop = Kitchen(), sinew.dispatch.Asyncio()
        with sinew.start_server(kitchen, "tcp://127.0.0.1", dispatcher=loop) as server:
            addresses.put(server.address)
            await asyncio.Event().wait()  # for ever

    threading.Thread(target=asyncio.run, args=(serve(),), daemon=True).start()
    return addresses.get()


if __name__ == "__main__":
    print(*asyncio.run(eat(serve_in_background())), sep="\n")
