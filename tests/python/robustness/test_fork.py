"""Programs that fork by themselves."""

import subprocess
import sys

from harness.presence import require

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


def test_ctrl_c_ends_a_wait_of_the_thread_that_forked():
    require("ours")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[0]\n", "")
