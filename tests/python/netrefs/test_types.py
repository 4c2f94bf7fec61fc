"""The types of the engine, used as no program should: an exception, never a crash."""

import subprocess
import sys

import pytest

from harness.combos import ours_only
from harness.impls import submodule
from harness.presence import require

TYPES = (
    "AsyncResult",
    "BaseNetref",
    "BoundMethod",
    "BufferedIterator",
    "Connection",
    "Dispatcher",
    "Job",
    "NetrefMetaclass",
    "Pool",
    "RemoteMethod",
    "TlsContext",
    "TlsStream",
)
# Only the engine makes these.
MADE_INSIDE = ("BoundMethod", "BufferedIterator", "Job", "TlsStream")

# The garbage collector knows every type of the engine, exported or not.
FIND = """
import gc
from sinew import _sinew

modules = ("sinew._sinew", "rpyc.core.netref", "rpyc.core.async_")
found = [kind for kind in gc.get_objects() if isinstance(kind, type)]
kinds = {kind.__name__: kind for kind in found if vars(kind).get("__module__") in modules}
"""

# Whatever can be had of a type without the package's help is looked at from all sides.
USE = """
import copy, pickle

def attempt(action, *arguments):
    try:
        return action(*arguments)
    except Exception:
        return None

looks = (repr, str, hash, dir, iter, next, list, len, bool, copy.copy, pickle.dumps, callable)
for way in (
    lambda: kind(),
    lambda: kind(None),
    lambda: kind(None, None),
    lambda: kind("text"),
    lambda: kind("text", (), {}),
    lambda: kind.__new__(kind),
    lambda: object.__new__(kind),
    lambda: type("Sub", (kind,), {})(),
):
    thing = attempt(way)
    if thing is None:
        continue
    for look in looks:
        attempt(look, thing)
    for change in (lambda name: None, lambda name: delattr(thing, name)):
        for name in dir(kind):
            attempt(change, name)
            attempt(attempt(getattr, thing, name) or repr)
            attempt(attempt(getattr, thing, name) or repr, None)
    attempt(repr, thing)
    del thing
    gc.collect()
print("alive")
"""


def run(code):
    """Run Python code in a new process; return its exit code, what it printed, its errors."""
    require("ours")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stdout.strip(), done.stderr


def test_every_type_of_the_engine_is_tested_here():
    assert run(f"{FIND}print(*sorted(kinds))") == (0, " ".join(TYPES), "")


@pytest.mark.parametrize("name", TYPES)
def test_a_type_used_without_its_package_does_not_crash(name):
    code, printed, errors = run(f"{FIND}kind = kinds[{name!r}]\n{USE}")
    assert (code, printed) == (0, "alive"), errors


@pytest.mark.parametrize("name", MADE_INSIDE)
def test_what_only_the_engine_makes_cannot_be_made_by_hand(name):
    code, _, errors = run(f"{FIND}kinds[{name!r}]()")
    assert code == 1
    assert errors.splitlines()[-1].startswith("TypeError: cannot create")


@pytest.fixture
def known(lib):
    """A connection, and the identity of an object behind it that stays alive."""
    with submodule(lib, "utils.classic").connect_thread() as conn:
        conn.execute("kept = [1, 2]")
        kept = conn.namespace["kept"]
        yield conn, kept, object.__getattribute__(kept, "____id_pack__")


def test_a_netref_can_be_made_of_a_connection_and_an_identity(lib, known):
    conn, kept, identity = known
    made = lib.BaseNetref(conn, identity)
    assert made is not kept
    assert repr(made) == "[1, 2]"
    made.append(3)
    assert list(kept) == [1, 2, 3]


def test_a_netref_can_be_made_of_the_class_of_another(known):
    conn, kept, identity = known
    made = type(kept)(conn, id_pack=identity)
    assert (len(made), made[1]) == (2, 2)


def test_a_netref_without_connection_or_identity_is_a_type_error(lib, known):
    for arguments in ((), known[:1]):
        with pytest.raises(TypeError):
            lib.BaseNetref(*arguments)


@ours_only
def test_a_netref_made_by_hand_releases_nothing(lib, known):
    """The peer gave no count for it: a release would take away another netref's."""
    conn, kept, identity = known
    before = conn.counts()["imports"]
    for _ in range(10):
        assert len(type(kept)(conn, identity)) == 2
    conn.ping()
    assert conn.counts()["imports"] == before
    assert conn.eval("kept") is kept
    assert list(kept) == [1, 2]


@ours_only
@pytest.mark.parametrize("identity", [(), ("name", 1), ("name", "1", 1), (1, 2, 3), [], "name"])
def test_an_identity_that_is_none_is_a_type_error(lib, known, identity):
    with pytest.raises(TypeError):
        lib.BaseNetref(known[0], identity)
