"""The small parts in `rpyc.lib` that programs use."""

import gc
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from harness import impls
from harness.combos import ours_only, stock_bug
from harness.impls import submodule
from harness.presence import require

LOGGING = """
import sys, logging; sys.path[:0] = {path!r}
from importlib import import_module
logger = import_module({package!r} + ".lib").setup_logger({arguments})
logger.error("an error")
logger.debug("a detail")
print(logger.name)
"""


@pytest.fixture
def log(impl):
    """A function that sets logging up in a new process: (standard output, standard error)."""
    require(impl)

    def run(arguments):
        code = LOGGING.format(
            path=impls.extra_path(), package=impls.package_name(impl), arguments=arguments
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True
        )
        return done.stdout, done.stderr

    return run


def test_logging_goes_to_standard_error(log):
    name, text = log("")
    assert name == "rpyc\n"
    assert " ERROR rpyc[MainThread]: an error\n" in text
    assert " DEBUG rpyc[MainThread]: a detail\n" in text


def test_quiet_logging_shows_errors(log):
    _, text = log("quiet=True")
    assert text.endswith(" ERROR: an error\n")
    assert "a detail" not in text


def test_logging_into_a_file_under_a_name(log, tmp_path):
    path = tmp_path / "log"
    name, text = log(f"logfile={str(path)!r}, namespace='lab'")
    assert (name, text) == ("rpyc.lab\n", "")
    assert " DEBUG rpyc.lab[MainThread]: a detail\n" in path.read_text()


def test_a_timeout_is_a_moment_in_the_future(lib):
    timeout = submodule(lib, "lib").Timeout
    assert timeout(None).timeleft() is None
    assert not timeout(None).expired()
    assert timeout(-1).timeleft() is None
    assert timeout(0).expired()
    assert timeout(0).timeleft() == 0
    assert 9 < timeout(timeout(10)).timeleft() <= 10
    start = time.monotonic()
    timeout(0.01).sleep(10)
    assert time.monotonic() - start < 5


def test_a_missing_module_tells_so_when_it_is_used(lib):
    tools = submodule(lib, "lib")
    assert tools.safe_import("os.path") is os.path
    missing = tools.safe_import("no_such_module_anywhere")
    assert not missing
    with pytest.raises(ImportError, match="no_such_module_anywhere"):
        missing.anything  # noqa: B018
    assert not hasattr(missing, "__wrapped__")


def test_a_hybrid_method_belongs_to_the_class_or_the_instance(lib):
    tools = submodule(lib, "lib")

    class Thing:
        @tools.hybridmethod
        def owner(self):
            return self

    thing = Thing()
    assert Thing.owner() is Thing
    assert thing.owner() is thing
    with pytest.raises(AttributeError):
        thing.owner = 5


def test_what_an_object_has_is_found_without_running_it(lib):
    tools = submodule(lib, "lib")

    class Thing:
        @property
        def trap(self):
            raise RuntimeError("it ran")

        def __getattr__(self, name):
            return 5

    assert tools.hasattr_static(Thing(), "trap")
    assert not tools.hasattr_static(Thing(), "anything")


def test_spawning_runs_in_a_daemon_thread(lib):
    ran = threading.Event()
    seen = []

    def run(*args, **kwargs):
        seen.append((args, kwargs, threading.current_thread().daemon))
        ran.set()

    lib.spawn(run, 1, a=2).join(5)
    assert ran.is_set()
    assert seen == [((1,), {"a": 2}, True)]


def test_spawning_waits_for_what_comes_first(lib):
    spawn_waitready = submodule(lib, "lib").spawn_waitready
    went_on = threading.Event()
    thread, value = spawn_waitready(lambda: 5, went_on.set)
    assert value == 5
    thread.join(5)
    assert went_on.is_set()


@ours_only  # in stock it waits for ever
def test_what_comes_first_may_fail(lib):
    with pytest.raises(ZeroDivisionError):
        submodule(lib, "lib").spawn_waitready(lambda: 1 / 0, print)


def test_objects_live_as_long_as_they_were_added(lib):
    coll = submodule(lib, "lib.colls").RefCountingColl()
    coll.add("key", 5)
    coll.add("key", 5)
    coll.decref("key")
    assert coll["key"] == 5
    coll.decref("key")
    with pytest.raises(KeyError):
        coll["key"]
    coll.add("key", 6)
    coll.clear()
    with pytest.raises(KeyError):
        coll.decref("key")


@stock_bug("cannot be iterated over")
def test_weak_values_leave(lib):
    class Thing:
        pass

    values, thing = submodule(lib, "lib.colls").WeakValueDict(), Thing()
    values["kept"], values["dropped"] = thing, Thing()
    gc.collect()
    assert list(values) == ["kept"]
    assert list(values.values()) == [thing]
    assert list(values.items()) == [("kept", thing)]
    assert "dropped" not in values
    assert values.get("dropped", 5) == 5
    values.clear()
    assert len(values) == 0


def test_polling_by_letters(lib):
    poll = submodule(lib, "lib.compat").poll
    left, right = socket.socketpair()
    with left, right:
        waiter = poll()
        waiter.register(left, "r")
        assert waiter.poll(0) == []
        right.sendall(b"x")
        assert [(fd, "r" in letters) for fd, letters in waiter.poll(5)] == [(left.fileno(), True)]
        waiter.modify(left, "w")
        assert [letters for _, letters in waiter.poll(5)] == ["w"]
        waiter.unregister(left)
        assert waiter.poll(0) == []


def test_connecting_is_tried_again_after_timeouts_only(lib, monkeypatch):
    connect = submodule(lib, "lib").socket_backoff_connect
    tries = []

    class Slow(socket.socket):
        def connect(self, address):
            tries.append(address)
            raise TimeoutError("timed out") if len(tries) < 3 else ConnectionRefusedError("no")

    monkeypatch.setattr(socket, "socket", Slow)
    with pytest.raises(ConnectionRefusedError):
        connect(socket.AF_INET, socket.SOCK_STREAM, 0, ("127.0.0.1", 1), 1, 6)
    assert len(tries) == 3
    tries.clear()
    with pytest.raises(TimeoutError):
        connect(socket.AF_INET, socket.SOCK_STREAM, 0, ("127.0.0.1", 1), 1, 2)
    assert len(tries) == 2


def test_pauses_grow_with_the_collisions(lib):
    backoff = submodule(lib, "lib").exp_backoff
    assert all(0 <= backoff(0) < 0.001 for _ in range(100))
    assert max(backoff(10) for _ in range(100)) > 0.001
