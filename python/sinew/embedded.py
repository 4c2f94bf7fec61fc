"""The Python half of `sinew::python::Interpreter`: what a C++ program calls that embeds Python."""

from __future__ import annotations

import socket
import sys
import threading
import time
import types
from pathlib import Path

from sinew import binding
from sinew.rpyc.core.channel import Channel
from sinew.rpyc.core.service import SlaveService, VoidService
from sinew.rpyc.core.stream import SocketStream
from sinew.rpyc.lib import SPAWN_THREAD_PREFIX, spawn
from sinew.serving import Server, make_server

TYPE_CHECKING = False  # importing typing, even to ask it this, takes 4 ms
if TYPE_CHECKING:
    from typing import Any

# The program does not read while it waits for nothing: a farewell finds no reader.
_NO_TIME_LIMITS = {"sync_request_timeout": None, "heartbeat": None, "close_timeout": 0}
_IN_PROCESS = {**_NO_TIME_LIMITS, "wire_family": "detect", "offer_extensions": False}

_REMEDY = (
    "use tls:// with certificate and ca_file for clients with certificates, or a token_file, or "
    "set insecure if that is meant"
)


# What the type of a function that a C++ class defines is called here.
_FUNCTION = "builtins.builtin_function_or_method"


class Offered(types.ModuleType):
    """A module whose members are those of an object of the program's.

    Names with two underscores in front are the module's own: Python asks every module for them.
    """

    def __init__(self, name: str, root: Any) -> None:
        super().__init__(name, root.__doc__)
        self.__dict__["__root__"] = root

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return [member for member in dir(self.__root__) if not member.startswith("_")]
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        member = getattr(self.__root__, name)
        if type(member).__name__ == _FUNCTION:
            self.__dict__[name] = member  # what is defined stays: the next call is one message
        return member

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__"):
            super().__setattr__(name, value)
        else:
            setattr(self.__root__, name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"members of {self.__name__!r} cannot be deleted")

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *dir(self.__root__)} - {"__root__"})


class Embedding:
    """What an Interpreter has begun. Descriptors are taken over, also by what fails.

    threads: any.
    """

    def __init__(self) -> None:
        self._servers: list[Server] = []
        self._conns: list[Any] = []
        self._modules: list[Offered] = []

    def connect(self, descriptor: int) -> None:
        """Serve the interpreter to the program, over one end of a pair of sockets."""
        self._conns = [conn for conn in self._conns if not conn.closed]
        self._serve_over(descriptor, SlaveService, _IN_PROCESS)

    def offer(self, name: str, descriptor: int) -> None:
        """Put an object of the program's, the root at the other end, under a module's name."""
        with socket.socket(fileno=descriptor) as checked:
            if not name.isidentifier():
                raise ValueError(f"{name!r} cannot be the name of a module")
            if name in sys.modules:
                raise ValueError(f"there is a module {name!r}")
            descriptor = checked.detach()
        conn = self._serve_over(descriptor, VoidService, _NO_TIME_LIMITS)
        module = sys.modules[name] = Offered(name, conn.root)
        self._modules.append(module)

    def _serve_over(self, descriptor: int, service: Any, config: dict[str, Any]) -> Any:
        stream = SocketStream(socket.socket(fileno=descriptor))
        conn = service._connect(Channel(stream), config)
        self._conns.append(conn)
        spawn(conn.serve_all)
        return conn

    def serve(self, uri: str, insecure: bool, options: dict[str, Any]) -> str:
        """Serve the interpreter to others; return where.

        The options are those of `make_server`, but for `token_file`; an empty token is none.
        """
        if "token_file" in options:
            options["token"] = Path(options.pop("token_file"))
        elif options.get("token") == "":
            options["token"] = False
        server = make_server(SlaveService, uri, insecure=True, **options)
        try:
            if not insecure:
                binding.refuse_open(server, _REMEDY)
            server._may_be_open = insecure
            server._start_in_thread()
        except BaseException:
            server.close()
            raise
        self._servers.append(server)
        return server.address

    def close(self) -> None:
        """End the servers, the connections and the modules."""
        for server in self._servers:
            server.close()
        for module in self._modules:
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]
        for conn in self._conns:
            conn.close()
        for kept in (self._servers, self._modules, self._conns):
            kept.clear()

    def wait(self, seconds: float) -> str:
        """Wait for the threads that must not outlast the interpreter; return who is left."""
        end = time.monotonic() + seconds
        me = threading.current_thread()
        left = []
        for thread in threading.enumerate():
            ours = thread.name.startswith((SPAWN_THREAD_PREFIX, "sinew"))
            if thread in (me, threading.main_thread()) or (thread.daemon and not ours):
                continue
            thread.join(max(end - time.monotonic(), 0))
            if thread.is_alive():
                left.append(thread.name)
        return ", ".join(left)
