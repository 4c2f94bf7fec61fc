"""Where calls run: on the connection's own thread (the default), or where a dispatcher says.

    loop = sinew.dispatch.MainLoop()
    server = sinew.start_server(Scope(), dispatcher=loop)
    ...
    loop.run_pending()        # now and then, on the thread where the calls are to run

| class | calls run |
| --- | --- |
| `Pool(threads)` | on any of its threads |
| `OneAtATime()` | one after the other, on a thread of its own |
| `MainLoop()` | on the thread that calls `run_pending()` or `run_forever()` |
| `Posted(post)` | wherever `post(function)` has the function called: gdb, Qt, Houdini |
| `Asyncio()` | on an asyncio loop; `async def` methods are awaited there |

A dispatcher may be shared by any number of servers and connections. `docs/dispatching.md` says what
runs where, in which order, and what happens when nobody comes to run a call.
"""

from .asyncio_loop import Asyncio
from .dispatcher import Dispatcher
from .drained import MainLoop, Posted
from .threads import OneAtATime, Pool

__all__ = ["Asyncio", "Dispatcher", "MainLoop", "OneAtATime", "Pool", "Posted"]
