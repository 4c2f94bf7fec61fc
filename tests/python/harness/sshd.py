"""A private sshd on loopback: its own keys, configuration and port; nobody else is let in."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from harness.waiting import eventually

_SSHD = next((path for path in ("/usr/sbin/sshd", shutil.which("sshd")) if path), "")

_SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
Subsystem sftp internal-sftp
"""

_CLIENT = """\
Host 127.0.0.1 localhost
  Port {port}
  User {user}
  IdentityFile {folder}/{key}
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/{known_hosts}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
"""


def require():
    """Skip the test where there is no sshd; CI has to have one."""
    if os.access(_SSHD, os.X_OK) and shutil.which("ssh"):
        return
    reason = "no sshd (Debian: openssh-server)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class Sshd:
    """A running sshd: `port`, `user`, `key`, and `options` for ssh, which has to log in by key."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self.user = getpass.getuser()
        for name in ("host_key", "user_key", "other_key"):
            _make_key(self._folder / name)
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # what sshd wants of root
        self._process = eventually(self._start, 30, "sshd listens")
        host_key = (self._folder / "host_key.pub").read_text()
        (self._folder / "known_hosts").write_text(
            f"[127.0.0.1]:{self.port},[localhost]:{self.port} {host_key}"
        )
        (self._folder / "no_hosts").write_text("")
        self.key = str(self._folder / "user_key")
        self.options = self.options_with()

    def options_with(self, key="user_key", known_hosts="known_hosts"):
        """Return options for ssh with another key (`other_key`) or other hosts (`no_hosts`)."""
        path = self._folder / f"config-{key}-{known_hosts}"
        path.write_text(
            _CLIENT.format(
                port=self.port,
                user=self.user,
                folder=self._folder,
                key=key,
                known_hosts=known_hosts,
            )
        )
        return ["-F", str(path)]

    def _start(self):
        """Return the process if it listens; None if somebody else took the port."""
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            self.port = listener.getsockname()[1]
        config = self._folder / "sshd_config"
        config.write_text(_SERVER.format(port=self.port, folder=self._folder))
        log = self._folder / "sshd.log"
        process = subprocess.Popen([_SSHD, "-D", "-E", log, "-f", config])
        try:
            eventually(lambda: process.poll() is not None or self._answers(), 10)
        except AssertionError:
            process.kill()
        if process.poll() is None:
            return process
        sys.stderr.write(log.read_text())
        return None

    def _answers(self):
        try:
            with closing(socket.create_connection(("127.0.0.1", self.port), 1)) as sock:
                return sock.recv(4) == b"SSH-"
        except OSError:
            return False

    def stop(self):
        """End the server; connections go on."""
        self._process.terminate()
        self._process.wait(10)


def _make_key(path):
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True, timeout=20
    )
