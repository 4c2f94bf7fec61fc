"""Run one page: `python session.py PAGE LIMIT`; LIMIT is for each block, in seconds.

Prints what is wrong and ends with 1, or ends with 0.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import linecache
import os
import re
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).resolve().parent))

from pages import Block, PageError, blocks_of, differs

from sinew.rpyc.utils.server import Server

# What servers print once they listen; the pure peer prints its port.
_LISTENS = re.compile(rb"serving .* at |server started on|^\d{4,5}$", re.MULTILINE)
# Seconds for all of a page.
_LIMIT_OF_PAGE = 100


class BrokenBlock(Exception):  # noqa: N818 - says what is wrong, not that there is an error
    """A block of a page does not do what it says."""


class Session:
    """The blocks of a page, run one after the other."""

    def __init__(self, page: Path, limit: float) -> None:
        self._page = page
        self._limit = limit
        self._text = page.read_text()
        self._servers: list[Server] = []
        self._names = {"__name__": "__main__", "close_servers": self._close_servers}
        self._going_on: list[_Thread] = []
        self._programs: list[subprocess.Popen[bytes]] = []
        self._listening = threading.Event()  # a server of the block that runs
        # Tracebacks show the page, and functions can be shipped elsewhere by their source.
        linecache.cache[str(page)] = (len(self._text), None, self._text.splitlines(True), str(page))

    def run(self) -> None:
        """Run the page; BrokenBlock tells which block is broken, and how."""
        self._notice_servers()
        try:
            for block in blocks_of(self._text):
                self._run_block(block)
                for thread in self._going_on:
                    self._check(thread)
        finally:
            for program in self._programs:
                _kill(program)
                program.wait()

    def _notice_servers(self) -> None:
        """Notice when a server of this process listens."""
        listen = Server._listen

        def listen_and_tell(server: Server) -> None:
            listen(server)
            if server not in self._servers:  # it may be told twice to listen
                self._servers.append(server)
                self._listening.set()

        Server._listen = listen_and_tell

    def _close_servers(self) -> None:
        """End the servers of this process; the next part of a page may have their ports."""
        for server in self._servers:
            server.close()

    def _run_block(self, block: Block) -> None:
        if block.language == "console":
            if block.not_run is None:
                self._run_commands(block)
            return
        code = self._compile(block)
        if block.not_run is None:
            self._run_python(block, code)

    def _compile(self, block: Block) -> object:
        source = "\n" * (block.line - 1) + block.code
        try:
            return compile(source, str(self._page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as error:
            raise BrokenBlock(f"line {error.lineno}: {error.msg}: {error.text}") from None

    def _run_python(self, block: Block, code: object) -> None:
        self._listening.clear()
        printed = io.StringIO()
        thread = _Thread(block, code, self._names, printed)
        end = monotonic() + self._limit
        while not (thread.ended.wait(0.01) or self._is_left_alone(block)):
            if monotonic() > end:
                raise BrokenBlock(f"line {block.line}: did not end within {self._limit} s")
        if thread.ended.is_set():
            self._check(thread)
        else:
            self._going_on.append(thread)
        if block.output is not None:
            self._compare(block, printed.getvalue())

    def _is_left_alone(self, block: Block) -> bool:
        """Tell whether a block goes on, as far as is known now."""
        calls = _calls(block.code)
        if calls & {"serve", "start"} or (block.goes_on and "start_server" in calls):
            return self._listening.is_set()
        return block.goes_on

    def _check(self, thread: _Thread) -> None:
        if thread.error is not None:
            text = "".join(traceback.format_exception(thread.error))
            raise BrokenBlock(f"line {thread.block.line}: {text}")

    def _compare(self, block: Block, printed: str) -> None:
        wrong = differs(block.output or "", printed)
        if wrong is not None:
            raise BrokenBlock(f"line {block.line}: {wrong}")

    def _run_commands(self, block: Block) -> None:
        command, expected = "", ""
        for line in [*block.code.splitlines(keepends=True), "$ "]:
            if line.startswith("$ "):
                if command:
                    self._run_command(block, command, expected)
                command, expected = line[2:].strip(), ""
            elif command.endswith("\\"):
                command = command[:-1] + line.strip()
            else:
                expected += line

    def _run_command(self, block: Block, command: str, expected: str) -> None:
        program = subprocess.Popen(
            ["bash", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._programs.append(program)
        printed = b""
        late = threading.Event()
        timer = threading.Timer(self._limit, lambda: (late.set(), _kill(program)))
        timer.start()
        while line := program.stdout.readline():
            printed += line
            if _LISTENS.search(line):
                break  # a server: it goes on
        else:
            program.wait()
        timer.cancel()
        how = f"did not end within {self._limit} s" if late.is_set() else None
        if program.returncode:
            how = how or f"ended with {program.returncode}"
        elif expected:
            how = how or differs(expected, printed.decode())
        if how is not None:
            raise BrokenBlock(f"line {block.line}: `{command}`: {how}\n{printed.decode()}")


def _calls(code: str) -> set[str]:
    """Return the names of the functions and methods that a piece of code calls."""
    called = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return {getattr(one, "attr", None) or getattr(one, "id", "") for one in called}


def _kill(program: subprocess.Popen[bytes]) -> None:
    """Kill a program and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)


class _Printed(io.TextIOBase):
    """Standard output, of each thread for itself: servers of the page go on printing."""

    of_thread = threading.local()

    def write(self, text: str) -> int:
        return getattr(self.of_thread, "buffer", sys.__stdout__).write(text)


class _Thread(threading.Thread):
    """Runs one block; what it prints is kept."""

    def __init__(
        self, block: Block, code: object, names: dict[str, object], printed: io.StringIO
    ) -> None:
        super().__init__(daemon=True)
        self.block = block
        self.error: BaseException | None = None
        self.ended = threading.Event()
        self._work = (code, names, printed)
        self.start()

    def run(self) -> None:
        code, names, printed = self._work
        try:
            _Printed.of_thread.buffer = printed
            awaits = eval(code, names)  # a coroutine if the block awaits something
            if inspect.iscoroutine(awaits):
                asyncio.run(awaits)
        except BaseException as error:  # SystemExit, too
            self.error = error
        self.ended.set()


def _give_up(*_: object) -> None:
    raise BrokenBlock(f"did not end within {_LIMIT_OF_PAGE} s")


def main(page: str, limit: str) -> int:
    sys.stdout = _Printed()
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(_LIMIT_OF_PAGE)
    try:
        Session(Path(page), float(limit)).run()
    except (BrokenBlock, PageError) as error:
        sys.stdout.write(f"{page}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    sys.__stdout__.flush()
    os._exit(code)  # servers and loops of the page are still at work, in threads
