"""Interpreters on hosts that have ssh and a Python, and nothing of Sinew.

    conn = sinew.connect("ssh://me@lab-7")                            # its python3
    conn = sinew.connect("ssh://me@lab-7:2222/opt/python38/bin/python3")

The system's `ssh` is run, with the user's own keys and configuration; the pure peer is sent through
it to a Python over there. Nothing is written on the host.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import tempfile
from pathlib import Path

from sinew.bundling import bootstrap
from sinew.spawning import Helper, drive

TYPE_CHECKING = False  # importing typing, even to ask it this, takes 4 ms
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sinew.connecting import Connection

DEFAULT_PYTHON = "python3"

# ssh's own options win over these, which it is given later. A prompt would wait for ever in a
# program that nobody watches; a host that is gone is noticed within 45 s.
_OPTIONS = ("-oBatchMode=yes", "-oServerAliveInterval=15", "-oServerAliveCountMax=3")
_NOT_FOUND = (126, 127)  # exit codes of a shell that cannot run a program
_FAILED = 255  # the exit code of ssh for its own troubles


def connect(
    host: str,
    service: Any = None,
    *,
    user: str = "",
    port: int | None = None,
    python: str = "",
    ssh_options: Sequence[str] = (),
    ssh: str = "ssh",
    timeout: float | None = 20,
    config: dict[str, Any] | None = None,
) -> Connection:
    """Return a classic connection to a Python on a host that is reached with ssh.

    `user` and `port` are ssh's own by default. `python` is what to run there, `python3` by default;
    a path may begin with `~/`. `ssh_options` are arguments of ssh (`["-i", "key"]`), `ssh` is the
    program. It uses keys and agents, and asks nobody for a password. `service` is what this side
    offers, `config` is laid over RPyC's configuration.

    The remote interpreter ends with the connection; what it prints on standard error appears here.
    ConnectionError (an OSError) with what ssh said, or that there is no such Python; TimeoutError
    if it takes longer than `timeout` seconds.
    """
    if not host or host.startswith("-"):
        raise ValueError(f"{host!r} is no host")
    python = python or DEFAULT_PYTHON
    name = f"ssh://{user + '@' if user else ''}{host}{f':{port}' if port else ''}"
    program, source = bootstrap("--stdio", answer=1)
    number, log = tempfile.mkstemp(prefix="sinew-ssh-")
    os.close(number)
    command = [ssh, *ssh_options, *_OPTIONS, "-T", "-E", log]
    command += ["-l", user] if user else []
    command += ["-p", str(port)] if port else []
    command += ["--", host, _remote_command(python, program)]
    here, there = socket.socketpair()
    with there:
        try:
            # Away from the terminal's Ctrl-C, which is meant for this program.
            process = subprocess.Popen(
                command, stdin=there.fileno(), stdout=there.fileno(), start_new_session=True
            )
        except OSError as error:
            here.close()
            os.unlink(log)
            raise type(error)(error.errno, f"cannot start {ssh!r}: {error.strerror}") from None
    return drive(
        here,
        source,
        Helper(process, lambda: Path(log).unlink(missing_ok=True)),
        service,
        timeout=timeout,
        config=config,
        name=name,
        explain=lambda: _explain(process.returncode, log, python),
    )


def _remote_command(python: str, program: str) -> str:
    """Return what the shell over there is to run; on one line, which every shell understands."""
    path = "~/" + shlex.quote(python[2:]) if python.startswith("~/") else shlex.quote(python)
    return f"exec {path} -u -c {shlex.quote(f'exec({program!r})')}"


def _explain(code: int, log: str, python: str) -> str:
    if code in _NOT_FOUND:
        return (
            f"there is no {python!r} to run; name one that is there: ssh://host/usr/bin/python3.9"
        )
    if code == _FAILED:
        return _what_ssh_said(log) or "ssh failed without a word"
    return f"{python!r} ended with code {code} over there"


def _what_ssh_said(log: str) -> str:
    """Return the last lines of ssh's log, in one; without its banners."""
    text = Path(log).read_text("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines()]
    told = [line for line in lines if line and line[0] != "@" and not line.startswith("Warning:")]
    return " ".join(told[-2:])
