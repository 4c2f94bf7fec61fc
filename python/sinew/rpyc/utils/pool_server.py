"""The server whose clients share a few threads."""

import socket
import threading

from sinew._sinew import Pool
from sinew.rpyc.lib import spawn
from sinew.rpyc.lib.hurry import patience

from .authenticators import AuthenticationError
from .server import Server

_GRACE = 1.0  # seconds for the threads of a pool to come back from what they serve


class ThreadPoolServer(Server):
    """Serves many clients with few threads; an idle client costs none.

    Up to `nbThreads` threads serve whichever clients have sent something. A client that waits in
    `on_connect` holds up one of them at most; one in the `authenticator` has a thread of its own.
    `requestBatchSize` is accepted for compatibility: a thread serves what a client has sent and
    goes on to the next.
    """

    __module__ = "rpyc.utils.server"

    def __init__(self, *args, **kwargs):
        self.nbthreads = kwargs.pop("nbThreads", 20)
        self.request_batch_size = kwargs.pop("requestBatchSize", 10)
        super().__init__(*args, **kwargs)
        self._credentials = {}  # of clients that are to be admitted
        self._inside = threading.local()
        self._pool = Pool(
            self.nbthreads, self._authenticate_and_build_connection, self._leave, self._add_thread
        )

    def close(self):
        """Stop listening, end every connection and the threads; closing twice is allowed."""
        if self._closed:
            return
        super().close()
        # What is being served may go on; its connection ends with it. A request that closes its own
        # server must not wait for itself.
        grace = patience(_GRACE)
        if getattr(self._inside, "here", False):
            spawn(self._pool.stop, grace)
        else:
            self._pool.stop(grace)

    def _accept_method(self, sock):
        if socket.socket.__module__ != "socket":  # greenlets: a thread of the pool would stop all
            spawn(self._authenticate_and_serve_client, sock)
        # Who is slow to prove who he is must not hold up the threads that serve the others.
        elif self.authenticator:
            spawn(self._authenticate_and_add, sock)
        else:
            self._add(sock)

    def _add(self, sock):
        try:
            self._pool.add(self._admitted.get(sock, sock).fileno(), sock)
        except OSError as error:
            self._complain(sock, "client refused: %s", error)
            self._let_go(sock)

    def _authenticate_and_add(self, sock):
        try:
            place = sock.getpeername()
            self._admitted[sock], self._credentials[sock] = self.authenticator(sock)
        except AuthenticationError as error:
            self._log_refusal(place, error)
            self._let_go(sock)
        except Exception:
            self._complain(sock, "client connection terminated abruptly", exc_info=True)
            self._let_go(sock)
        else:
            self._add(sock)

    def _let_go(self, sock):
        self._credentials.pop(sock, None)
        super()._let_go(sock)

    def _add_thread(self):
        spawn(self._run_pool)

    def _run_pool(self):
        self._inside.here = True
        self._pool.run()

    def _authenticate_and_build_connection(self, sock):
        """Make the connection to a client; None if it is not admitted."""
        try:
            credentials = self._credentials.pop(sock, None)
            return self._make_connection(self._admitted.get(sock, sock), credentials)
        except Exception:
            self._complain(sock, "client connection terminated abruptly", exc_info=True)
            return None

    def _leave(self, sock, conn):
        """Let go of a client whose connection is over."""
        try:
            if conn is not None:
                conn._close_in_turn()
        finally:
            self._let_go(sock)
