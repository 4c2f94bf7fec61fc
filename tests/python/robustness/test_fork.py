"""Programs that fork by themselves."""

import subprocess
import sys

from harness.presence import require
from harness.sanitizing import wants_signals_at_once

# The child is forked by a thread that has waited for answers before; in the child it is the main
# thread. The signal reaches another thread, as signals may.
PROGRAM = """
import os, signal, threading, time
import sinew.rpyc as rpyc

def child():
    conn = rpyc.classic.connect_thread()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    conn.execute("import os, signal, threading")
    start = time.monotonic()
    try:
        conn.execute("os.kill(os.getpid(), signal.SIGINT); threading.Event().wait(5)")
    except KeyboardInterrupt:
        return time.monotonic() - start < 2
    return False

def parent():
    conn = rpyc.classic.connect_thread()
    conn.execute("import threading; threading.Event().wait(0.1)")
    pid = os.fork()
    if pid == 0:
        worked = False
        try:
            worked = child()
        finally:
            os._exit(0 if worked else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

codes = []
thread = threading.Thread(target=parent)
thread.start()
thread.join()
print(codes)
"""


def run(program, timeout):
    """Run a program in a process of its own; return what it printed, and its errors."""
    require("ours")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return done.stdout, done.stderr


@wants_signals_at_once
def test_ctrl_c_ends_a_wait_of_the_thread_that_forked():
    assert run(PROGRAM, timeout=20) == ("[0]\n", "")


# Thirty threads serve when the program forks; in the child none of them is there, and new threads
# get their stacks.
FORKED_WHILE_SERVING = """
import os, threading
import sinew, sinew.rpyc as rpyc

class Service(rpyc.Service):
    def exposed_wait(self):
        entered.release()
        over.wait(20)
    def exposed_number(self):
        return 7

def use_stacks(depth=200):
    return bytes(50_000) and depth and use_stacks(depth - 1)

def child():
    for _ in range(60):
        thread = threading.Thread(target=use_stacks)
        thread.start()
        thread.join()
    conns = [rpyc.connect_thread(remote_service=Service) for _ in range(10)]
    for result in [rpyc.async_(conn.root.wait)() for conn in conns]:
        result.cancel()
    over.set()
    for conn in conns:
        for _ in range(10):
            with sinew.deadline(10):
                assert conn.root.number() == 7

entered, over = threading.Semaphore(0), threading.Event()
conns = [rpyc.connect_thread(remote_service=Service) for _ in range(30)]
results = [rpyc.async_(conn.root.wait)() for conn in conns]
for _ in conns:
    entered.acquire()
pid = os.fork()
if pid == 0:
    try:
        child()
        os._exit(0)
    finally:
        os._exit(1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
over.set()
"""


def test_a_child_forgets_what_other_threads_were_serving():
    assert run(FORKED_WHILE_SERVING, timeout=60) == ("0\n", "")
