"""Helper processes: another Python, driven from this one as if its modules were here."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from sinew.bundling import MARK, bootstrap
from sinew.connecting import Connection, _connect_over
from sinew.rpyc.core.stream import TunneledSocketStream
from sinew.rpyc.lib.hurry import patience

TYPE_CHECKING = False  # importing typing, even to ask it this, takes 4 ms
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

# What a shell or a program may print before the helper speaks, in bytes.
_MOST_NOISE = 64 << 10
# How long a helper has to end by itself once its connection is closed, in seconds.
_GRACE = 3


class Helper:
    """The process at the other end of a connection; it ends with the connection.

    `process` is the `subprocess.Popen` of it, or of the ssh that reaches it.
    """

    def __init__(self, process: subprocess.Popen[bytes], clean: Callable[[], None] | None = None):
        self.process = process
        self._clean = clean

    def close(self) -> None:
        """Wait for the end of the process, or bring it about."""
        try:
            for end in (None, self.process.terminate, self.process.kill):
                if end is not None:
                    end()
                if _ends_within(self.process, patience(_GRACE)):
                    break
        finally:
            clean, self._clean = self._clean, None
            if clean is not None:
                clean()


def _ends_within(process: subprocess.Popen[bytes], seconds: float | None) -> bool:
    """Wait for the end of a process; tell whether it came.

    Popen.wait() would take 250 ms more after Ctrl-C, in case the child ends by it, too.
    """
    from select import POLLIN, poll  # noqa: PLC0415 - not for `import sinew`

    if process.poll() is not None:
        return True
    end = os.pidfd_open(process.pid)
    try:
        waiting = poll()
        waiting.register(end, POLLIN)
        waiting.poll(None if seconds is None else max(0.0, seconds) * 1000)
    finally:
        os.close(end)
    return process.poll() is not None


def spawn(
    python: str | os.PathLike[str] | None = None,
    service: Any = None,
    *,
    options: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    timeout: float | None = 20,
    config: dict[str, Any] | None = None,
) -> Connection:
    """Start a helper process with another Python and return the connection to it.

    `python` is the interpreter, from CPython 3.8 on, and needs nothing of Sinew: a virtual
    environment's, an older one, one for 32 bits; this one by default. `options` are given to it
    (`["-X", "dev"]`), `env` and `cwd` are those of `subprocess.Popen`. What the helper prints goes
    where the output of this process goes.

    The connection is a classic one: `conn.modules`, `conn.eval` and so on are the helper's.
    `service` is what this side offers to it, nothing by default. The helper ends when the
    connection does, and when this process does, whatever it was doing; `conn.proc` is its Popen.

    OSError if there is no such interpreter or it is too old, or if it did not start within
    `timeout` seconds.
    """
    import socket  # noqa: PLC0415 - not for `import sinew`

    executable = os.fspath(python) if python is not None else sys.executable
    program, source = bootstrap("--stdin-socket", answer=0)
    here, there = socket.socketpair()
    with there:
        try:
            process = subprocess.Popen(
                [executable, *options, "-u", "-c", program], stdin=there.fileno(), env=env, cwd=cwd
            )
        except OSError as error:
            here.close()
            raise type(error)(
                error.errno, f"cannot start {executable!r}: {error.strerror}"
            ) from None
    return drive(
        here,
        source,
        Helper(process),
        service,
        timeout=timeout,
        config=config,
        name=repr(executable),
        explain=lambda: f"it ended with code {process.returncode}",
    )


def drive(
    sock: socket.socket,
    source: bytes,
    helper: Helper,
    service: Any,
    *,
    timeout: float | None,
    config: dict[str, Any] | None,
    name: str,
    explain: Callable[[], str],
) -> Connection:
    """Return the connection over `sock` to a process that runs `bundling.bootstrap`'s program.

    `source` is what the program wants to be sent. `name` and, if the process ended, `explain()`
    say in errors which it was, and why it did.
    """
    stream = TunneledSocketStream(sock)
    stream.tun = helper
    try:
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            _shake_hands(sock, name, deadline)
            sock.sendall(source)
        except TimeoutError:
            helper.process.kill()
            raise TimeoutError(f"{name} did not answer within {timeout} s") from None
        except (EOFError, ConnectionResetError, BrokenPipeError):
            left = None if deadline is None else deadline - time.monotonic()
            if not _ends_within(helper.process, left):
                helper.process.kill()  # it has only closed its output
                helper.process.wait()
            raise ConnectionError(f"{name} gave no connection: {explain()}") from None
        sock.settimeout(None)
        conn = _connect_over(stream, service, config)
        conn.proc = helper.process  # type: ignore[attr-defined]
        return conn
    except BaseException:
        helper.process.kill()  # Ctrl-C, too: nobody waits for what will not be used
        stream.close()
        raise


def _shake_hands(sock: socket.socket, name: str, deadline: float | None) -> None:
    """Wait for the line that the helper starts with; byte by byte, for what follows is not ours."""
    seen = b""
    while not (MARK in seen and seen.endswith(b"\n")):
        if deadline is not None:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
        byte = sock.recv(1)
        if not byte:
            raise EOFError
        seen += byte
        if len(seen) > _MOST_NOISE:
            raise ConnectionError(f"{name} printed {_MOST_NOISE} bytes instead of an answer")
    word, _, version = (
        seen[seen.index(MARK) + len(MARK) :].decode("ascii", "replace").partition(" ")
    )
    if word != "ready":
        raise ConnectionError(f"{name} is Python {version.strip()}: 3.8 is the oldest that will do")
