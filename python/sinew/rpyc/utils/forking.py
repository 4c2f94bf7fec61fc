"""The server that forks: each client has a process of its own."""

import os
import signal
import sys
import threading
from contextlib import suppress

from sinew.rpyc.lib import spawn

from .server import Server


class ForkingServer(Server):
    """Serves each client in a child process, forked when the client has been accepted.

    What a client changes in the service, others do not see. A child ends with its client's
    connection, also if the server is closed before. Connections that the program has belong to the
    parent: in a child they are dead.

    Children are waited for one by one, by the thread that accepts. No signal handler is taken for
    that, so `start` may run on any thread, and other children of the program are left alone.
    """

    __module__ = "rpyc.utils.server"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._children = set()  # process ids, as long as they have not been waited for

    def close(self):
        """Stop listening; children go on serving. Closing twice is allowed."""
        super().close()
        self._reap()
        if self._children:
            spawn(self._await_children)

    def _count_clients(self):
        return len(self._children)

    def _look_after_clients(self):
        super()._look_after_clients()
        self._reap()

    def _reap(self):
        """Wait for the children that have ended."""
        for pid in list(self._children):
            with suppress(ChildProcessError):  # SIGCHLD is ignored, or somebody else waited for it
                if os.waitpid(pid, os.WNOHANG)[0] == 0:
                    continue
            self._children.discard(pid)

    def _await_children(self):
        while self._children:
            with suppress(ChildProcessError):
                os.waitpid(self._children.pop(), 0)

    def _accept_method(self, sock):
        _flush_standard_files()  # or a child would write what we have not written yet
        pid = os.fork()
        if pid == 0:
            self._serve_in_child(sock)
        self._children.add(pid)
        sock.close()  # here only: shutting it down would do so for the child
        self.clients.discard(sock)

    def _serve_in_child(self, sock):
        """Serve a client and end the process. Never returns."""
        status = 1
        try:
            self.logger.debug("child process created")
            self._become_child(sock)
            self._authenticate_and_serve_client(sock)
            self.logger.debug("child process terminated")
            status = 0
        except Exception:
            self.logger.exception("child process terminated abnormally")
        finally:
            # Not sys.exit(): what the program does at its end is the parent's to do.
            _flush_standard_files()
            os._exit(status)

    def _become_child(self, sock):
        """Let go of what is the parent's."""
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(-1)
        self._closed, self.active = True, False  # closing it here must not unregister the service
        self._children.clear()
        self.listener.close()
        self.clients = {sock}

    def _make_connection(self, sock, credentials):
        conn = super()._make_connection(sock, credentials)
        if self._unheard:  # the thread that looks after silent clients is the parent's
            spawn(self._drop_silent_later, self._option("first_frame_timeout"))
        return conn

    def _drop_silent_later(self, seconds):
        self._over.wait(seconds)
        self._drop_silent()


def _flush_standard_files():
    for file in (sys.stdout, sys.stderr):
        with suppress(Exception):  # closed, or not there
            file.flush()
