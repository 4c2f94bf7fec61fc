"""Nothing is left behind: the engine counts what is alive."""

import subprocess
import sys

from harness.presence import require

HUNDRED_THOUSAND_EACH_WAY = """
import gc
import sinew.rpyc as rpyc
from sinew._sinew import live_counts

class Thing:
    pass

class Service(rpyc.Service):
    def exposed_make(self, count):
        return tuple(Thing() for _ in range(count))

    def exposed_take(self, *things):
        return len(set(map(id, things)))

conn = rpyc.connect_thread(remote_service=Service)
for _ in range(100):
    things = conn.root.make(1000)
    assert len(set(map(id, things))) == 1000
    del things
    assert conn.root.take(*[Thing() for _ in range(1000)]) == 1000
results = [rpyc.async_(conn.root.make)(3) for _ in range(100)]
[result.value for result in results[:50]]
del results
gc.collect()
assert conn.root.take() == 0
assert conn.counts() == {"exports": 0, "imports": 1, "questions": 0}, conn.counts()
conn.close()
del conn
"""

LOOK = """
import threading
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(5)
gc.collect()
assert not any(live_counts().values()), live_counts()
print("nothing left")
"""


def run(code):
    """Run Python code in a new process; return what it printed, and its errors."""
    require("ours")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.strip(), done.stderr


def test_a_hundred_thousand_references_each_way_leave_nothing():
    assert run(HUNDRED_THOUSAND_EACH_WAY + LOOK) == ("nothing left", "")


def test_the_look_finds_what_is_left():
    kept = "import sinew.rpyc as rpyc, gc\nfrom sinew._sinew import live_counts\n"
    printed, errors = run(
        kept + "conn = rpyc.connect_thread()\nconn.ping()\n" + LOOK.replace("join(5)", "join(0)")
    )
    assert printed == ""
    assert "'Connection': 2" in errors
