"""The connection: two sides that may ask each other over one stream; no thread is its own."""

import itertools
import threading
from collections import deque

from .boxes import Boxes
from .errors import load_exception
from .handlers import Handlers
from .reading import Reading
from .results import AsyncResult
from .sending import Sending
from .serving import Serving
from .streams import Frames
from .values import encode_int, tuple_head
from .wire import (
    CLOSE,
    DEFAULT_CONFIG,
    EXCEPTION,
    GETROOT,
    HANDLER_NAMES,
    PING,
    REQUEST,
    LimitError,
    PingError,
)

_connection_numbers = itertools.count(1)


class Connection(Reading, Serving, Sending, Boxes, Handlers):
    """Two sides that may ask each other over a stream. `root` is what the peer offers.

    `service` is what this side offers, `stream` a SocketStream or PipeStream, `config` is laid over
    DEFAULT_CONFIG. After the end, `close_reason` says what the first cause was.
    """

    def __init__(self, service, stream, config=None):
        self._config = dict(DEFAULT_CONFIG, **(config or {}))
        if self._config["connid"] is None:
            self._config["connid"] = f"conn{next(_connection_numbers)}"
        family = self._config["wire_family"]
        self._family = None if family == "auto" else family
        self._local_root = service
        self._remote_root = None
        self._stream = stream
        self._frames = Frames(self._config)  # of who leads
        self._last_traceback = None
        self.close_reason = None
        self._closed = False
        # Guards _calls, _leading, _closed, and what arrived of each call.
        self._turn = threading.Condition()
        self._calls = {}
        self._leading = False  # a thread reads
        self._seq = itertools.count()
        self._sending = threading.Lock()  # guards _unsent; held while writing
        self._unsent = deque()
        self._releases = deque()  # (id_pack, count); pushed by finalisers, which must not wait
        self._tables = threading.RLock()  # guards the five below
        self._exports = {}  # id_pack -> [object, count]
        self._export_ids = {}  # id(object) -> id_pack
        self._bad_ids = 0  # that the peer has used
        self._proxies = {}  # id_pack -> weak reference
        self._classes = {}  # (name, class id, is class) -> class of proxies
        self._depth = threading.local()

    def __repr__(self):
        return "<{} {!r} object at {:#x}>".format(
            type(self).__name__, self._config["connid"], id(self)
        )

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def __del__(self):
        if not getattr(self, "_closed", True):
            self._end("the connection object was dropped")

    @property
    def root(self):
        """What the peer offers; asked for once."""
        if self._remote_root is None:
            self._remote_root = self.sync_request(GETROOT)
        return self._remote_root

    def ping(self, data=None, timeout=3):
        """Have the peer send `data` back; PingError if it comes back different."""
        data = "abcdefghijklmnopqrstuvwxyz" * 20 if data is None else data
        if self.async_request(PING, data, timeout=timeout).value != data:
            raise PingError("echo mismatches sent data")

    def sync_request(self, handler, *args):
        """Send a request and return what it is answered with, or raise it."""
        return self.async_request(
            handler, *args, timeout=self._config["sync_request_timeout"]
        ).value

    def async_request(self, handler, *args, timeout=None):
        """Send a request and return an AsyncResult."""
        known = isinstance(handler, int) and 0 < handler <= len(HANDLER_NAMES)
        result = AsyncResult(self, HANDLER_NAMES[handler - 1] if known else str(handler))
        result.set_expiry(timeout)
        with self._turn:
            self._require_life()
            if len(self._calls) >= self._config["max_pending_calls"]:
                raise LimitError("max_pending_calls", "too many calls without an answer")
            seq = next(self._seq)
            self._calls[seq] = result
        try:
            self._send(self._request(seq, handler, args))
        except BaseException:
            self._calls.pop(seq, None)
            raise
        return result

    def _request(self, seq, handler, args):
        lent = []
        try:
            body = tuple_head(2) + encode_int(handler) + self._box(args, lent)
            return self._message(REQUEST, seq, body)
        except BaseException:
            self._take_back(lent)
            raise

    def _wait_for(self, result):
        """Serve until the answer is there or the result expires."""
        with self._turn:
            result._waiting += 1
        try:
            while result._arrived is None and self._step(result._deadline, result):
                pass
        except EOFError:
            if result._arrived is None:
                raise
        finally:
            with self._turn:
                result._waiting -= 1

    @property
    def closed(self):
        """Whether the connection has ended."""
        return self._closed

    def fileno(self):
        """Return the descriptor to wait at for messages; EOFError after the end."""
        self._require_life()
        return self._stream.fileno()

    def _open_answer(self, kind, body, error):
        """Return (is it an exception, the value)."""
        if error is not None:
            return True, error
        try:
            if kind == EXCEPTION:
                return True, load_exception(body, self._config)
            return False, self._unbox(body)
        except Exception as error:
            return True, error

    def _require_unpickling(self):
        if not self._config["allow_pickle"]:
            raise ValueError(
                "unpickling is disabled: the peer would run code here; "
                "set allow_pickle in this side's configuration if you trust it"
            )

    def _require_life(self):
        if self._closed:
            raise EOFError(f"stream has been closed: {self.close_reason}")

    def close(self):
        """End the connection: tell the peer, and call the service's `on_disconnect`."""
        if self._closed:
            return
        try:
            if self._config["before_closed"] is not None:
                self._config["before_closed"](self.root)
            farewell = self.async_request(CLOSE, timeout=self._config["close_timeout"])
            farewell.wait()
        except (EOFError, TimeoutError):
            pass
        except Exception:
            if not self._config["close_catchall"]:
                raise
        finally:
            self._end("closed by this side")

    def _end(self, reason):
        """End the connection without a word to the peer; the first reason is the last."""
        with self._turn:
            if self._closed:
                return
            self._closed, self.close_reason = True, reason
            calls, self._calls = list(self._calls.values()), {}
            orphans = []
            for result in calls:
                result._arrived = (None, None, EOFError(f"stream has been closed: {reason}"))
                if not result._waiting:
                    orphans.append(result)
            self._turn.notify_all()
        self._stream.wake()
        self._close_stream()
        for result in orphans:
            result._settle()
        self._remote_root = None
        with self._tables:
            exports, self._exports, self._export_ids = self._exports, {}, {}
        exports.clear()
        root, self._local_root = self._local_root, None
        if hasattr(root, "on_disconnect"):
            root.on_disconnect(self)

    def _close_stream(self):
        """Close the descriptors when no other thread uses them; leave them if one does not stop."""
        with self._turn:
            if not self._turn.wait_for(lambda: not self._leading, 1):
                return
            self._leading = True  # nobody reads any more
        if self._sending.acquire(timeout=1):
            try:
                self._stream.close()
            finally:
                self._sending.release()
        self._stop_leading()
