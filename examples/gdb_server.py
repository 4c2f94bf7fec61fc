"""Let other programs drive this gdb.

    gdb -q -x examples/gdb_server.py ./program

prints an address, and from anywhere on this machine

    gdb = sinew.connect("tcp://127.0.0.1:PORT").root      # or rpyc.connect("127.0.0.1", PORT).root
    gdb.execute("break main")
    gdb.evaluate("$pc")

gdb may be touched on its own thread only: `gdb.post_event` has each call made there, between its
own events. So calls are run at the prompt and while the program runs, and wait while gdb is busy.

gdb sleeps until a signal tells it about its program. One that another thread gets does not wake it,
so the threads of the server are started with all signals blocked.
"""

import signal
import sys
import threading

import gdb

import sinew


class Debugger:
    """What clients may do with gdb, and nothing else."""

    @sinew.expose
    def execute(self, command):
        """Run a command of gdb's and return what it prints."""
        return gdb.execute(command, to_string=True)

    @sinew.expose
    def evaluate(self, expression):
        """Return the value of an expression, as gdb shows it."""
        return str(gdb.parse_and_eval(expression))

    @sinew.expose
    def runs_on_gdbs_thread(self):
        """Tell whether this call does."""
        return threading.current_thread() is threading.main_thread()


before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
calls = sinew.dispatch.Posted(gdb.post_event)
server = sinew.start_server(Debugger(), "tcp://127.0.0.1", dispatcher=calls)
signal.pthread_sigmask(signal.SIG_SETMASK, before)
print("serving gdb at", server.address, file=sys.stderr)
