"""First scenario: drive a remote Python interpreter, as the article that introduced RPyC does."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys

from checks import equal, raised_by, true


class Classic:
    """A connection to a classic server, made with the implementation in `package`."""

    def __init__(self, package: str, port: int, config: dict):
        self.package = package
        self.rpyc = None
        self.conn = None
        self._port = port
        self._config = config

    def connect(self):
        """Connect the way `rpyc.classic.connect` does, with a configuration."""
        self.conn = self.rpyc.connect(
            "127.0.0.1", self._port, service=self.rpyc.ClassicService, config=self._config
        )
        return self.conn

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.conn is not None:
            self.conn.close()


def load(classic: Classic) -> str:
    classic.rpyc = importlib.import_module(classic.package)
    true(callable(classic.rpyc.connect), "it has `connect`")
    true(callable(classic.rpyc.classic.connect), "it has `classic.connect`")
    ours = classic.package != "rpyc"
    equal("sinew" in sys.modules, ours, "Sinew is in this process")
    equal("rpyc" in sys.modules, not ours, "stock is in this process")
    return f"this client is {'Sinew' if ours else 'stock'} and nothing else"


def connect(classic: Classic) -> str:
    there = classic.connect().modules.os.getpid()
    true(there != os.getpid(), "the interpreter is in another process")
    return "the interpreter is another process"


def module_proxy(classic: Classic) -> str:
    conn = classic.conn
    remote_path = conn.modules.sys.path
    remote_path.append("lucy")
    equal(remote_path[-1], "lucy", "last entry of the remote sys.path")
    equal(conn.eval("__import__('sys').path[-1]"), "lucy", "what the server itself sees")
    true("lucy" not in sys.path, "our own sys.path has no lucy")
    equal(remote_path.pop(), "lucy", "what pop returns")
    return "'lucy' is in the remote sys.path, not in ours"


def remote_ls(classic: Classic) -> str:
    remote = classic.conn.modules.os
    true(remote.getcwd() != os.getcwd(), "the server works in another folder")
    sizes = {}
    for name in remote.listdir("."):
        entry = remote.stat(name)
        sizes[name] = "folder" if remote.path.isdir(name) else entry.st_size
    equal(sizes, {"oven.csv": 22, "lamp.ini": 18, "traces": "folder"}, "the remote listing")
    true(not os.path.exists("oven.csv"), "there is no such file here")
    return "listdir, stat and path.isdir of its folder"


def evaluate(classic: Classic) -> str:
    conn = classic.conn
    conn.execute("import math\ndef area(radius):\n    return math.pi * radius ** 2\n")
    equal(conn.eval("round(area(2), 3)"), 12.566, "eval after execute")
    equal(round(conn.namespace["area"](1), 3), 3.142, "a function that was defined there")
    return "defined a function there, called it two ways"


def redirect_output(classic: Classic) -> str:
    conn = classic.conn
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen), classic.rpyc.classic.redirected_stdio(conn):
        conn.execute("import os\nprint('process', os.getpid(), 'says hello')")
    expected = f"process {conn.modules.os.getpid()} says hello\n"
    equal(screen.getvalue(), expected, "what the remote print wrote here")
    return "a remote print() wrote to our sys.stdout"


def builtin_exception(classic: Classic) -> str:
    error = raised_by(classic.conn.modules.os.listdir, "no-such-folder")
    true(type(error).__mro__[0].__name__ == "FileNotFoundError", "its type is its own")
    true(isinstance(error, FileNotFoundError), "`except FileNotFoundError` catches it")
    equal(error.args[1], "No such file or directory", "its arguments")
    true("Remote Traceback" in str(error), "its text has the remote traceback")
    return "FileNotFoundError, with the remote traceback"


def own_exception(classic: Classic) -> str:
    conn = classic.conn
    conn.execute("class LampError(Exception): pass\ndef burn(): raise LampError('too hot', 900)\n")
    error = raised_by(conn.namespace["burn"])
    true(type(error).__name__.endswith("LampError"), "the name of its class")
    true(isinstance(error, classic.rpyc.GenericException), "it can be caught")
    equal(error.args, ("too hot", 900), "its arguments")
    true("in burn" in error._remote_tb, "its traceback names the remote function")
    return "LampError, a class that only the server has"


STEPS = {
    "import": load,
    "connect": connect,
    "sys.path": module_proxy,
    "ls": remote_ls,
    "execute, eval": evaluate,
    "redirected stdio": redirect_output,
    "exception": builtin_exception,
    "own exception": own_exception,
}
"""By name, in the order in which they run."""
