"""The connection: two sides that may ask each other over one stream.

There is no thread of its own. A thread that waits for an answer reads and serves what comes; one
thread reads at a time (`_leading`), and the others wait for their answer or for their turn. What
must keep the order of the messages (whose call is answered, which of our objects is meant) happens
while nobody else reads; what may ask the peer itself happens after that.
"""

import itertools
import struct
import threading
import time
from collections import deque

from .boxes import Boxes, pair
from .errors import dump_exception, load_exception
from .handlers import Handlers
from .results import AsyncResult
from .streams import Frames
from .values import Decoder, encode, encode_int, tuple_head
from .wire import (
    CLOSE,
    DEFAULT_CONFIG,
    DEL,
    EXCEPTION,
    GETROOT,
    HANDLER_NAMES,
    LOCAL_REF,
    PING,
    REPLY,
    REQUEST,
    TUPLE,
    VALUE,
    LimitError,
    PingError,
    ProtocolError,
)

_connection_numbers = itertools.count(1)


def _left(deadline):
    return None if deadline is None else max(0.0, deadline - time.monotonic())


class Connection(Boxes, Handlers):
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
        self._tables = threading.RLock()  # guards the four below
        self._exports = {}  # id_pack -> [object, count]
        self._export_ids = {}  # id(object) -> id_pack
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

    # -- asking

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

    # -- serving

    @property
    def closed(self):
        """Whether the connection has ended."""
        return self._closed

    def fileno(self):
        """Return the descriptor to wait at for messages; EOFError after the end."""
        self._require_life()
        return self._stream.fileno()

    def serve(self, timeout=1, wait_for_lock=True):
        """Handle one message if one comes within `timeout` seconds; tell whether one did."""
        deadline = None if timeout is None else time.monotonic() + timeout
        return self._step(deadline, None, wait_for_lock)

    def poll(self, timeout=0):
        """Handle one message if one comes in time and nobody else reads."""
        return self.serve(timeout, False)

    def poll_all(self, timeout=0):
        """Handle what comes within `timeout` seconds, at least what is there."""
        deadline = time.monotonic() + timeout
        any_came = False
        try:
            while self.poll(_left(deadline)):
                any_came = True
                if time.monotonic() >= deadline:
                    break
        except EOFError:
            pass
        return any_came

    def serve_all(self):
        """Serve the peer until the connection ends."""
        try:
            while True:
                self._step(None)
        except EOFError:
            pass
        finally:
            self.close()

    def _step(self, deadline, result=None, wait_for_turn=True):
        """Handle one message; False if none came in time, or `result` has its answer without."""
        if not self._lead(deadline, result, wait_for_turn):
            return False
        todo, error = None, None
        try:
            payload = self._receive(deadline)
            if payload is not None:
                todo = self._take_in(payload)
        except (EOFError, OSError, ValueError, RecursionError) as caught:
            error = str(caught) or type(caught).__name__
        finally:
            self._stop_leading()
        if error is not None:
            self._end(error)
            self._require_life()
        if todo is not None:
            todo()
        return payload is not None

    def _lead(self, deadline, result, wait_for_turn):
        """Become who reads; False if there is no need (`result` has its answer) or no time."""
        with self._turn:
            while result is None or result._arrived is None:
                if not self._leading:
                    self._require_life()
                    self._leading = True
                    return True
                if not wait_for_turn or not self._turn.wait(_left(deadline)):
                    return False
        return False

    def _stop_leading(self):
        with self._turn:
            self._leading = False
            self._turn.notify_all()

    def _receive(self, deadline):
        """Return the next message, None if there is none in time. Of who leads."""
        while True:
            payload = self._frames.next()
            if payload is not None:
                return payload
            self._flush_releases()
            readable, _ = self._stream.wait(True, bool(self._unsent), _left(deadline))
            if self._closed:
                raise EOFError(self.close_reason)
            if readable:
                self._read_more()
            elif deadline is not None and time.monotonic() >= deadline:
                return None

    def _read_more(self):
        data = self._stream.read_some()
        if data == b"":
            raise EOFError("connection closed by peer")
        if data:
            self._frames.feed(data)

    def _take_in(self, payload):
        """Open a message; return what is to be done about it after others may read, or None.

        What it says about our objects is looked up here, in the order in which messages came.
        """
        kind, seq, body, error = self._open(payload)
        handler = None
        try:
            if error is not None:
                raise error
            if kind == REQUEST:
                handler, box = pair(body)
                body = self._pin(box)
            elif kind == REPLY:
                body = self._pin(body)
        except (LookupError, ValueError, TypeError, RecursionError) as refused:
            error = refused  # of this request or answer; the connection goes on
        if kind == REQUEST:
            return lambda: self._serve_request(seq, handler, body, error)
        with self._turn:
            result = self._calls.pop(seq, None)
            if result is None:
                return None
            result._arrived = (kind, body, error)
            return None if result._waiting else result._settle

    def _open(self, payload):
        """Return (kind, seq, body, error) of a message of the family that this connection speaks.

        `error` is what is wrong with the body of a message of which the rest could be read.
        """
        if not payload:
            raise ProtocolError("an empty message")
        family = "B" if payload[0] == 0x12 else "C"
        if self._family is None:
            self._family = family
        if family != self._family:
            raise ProtocolError(
                "the peer speaks another RPyC: families C (RPyC 6) and B (4.1 to 5.3) do not mix; "
                "a client says which with the option wire_family"
            )
        decoder = Decoder(payload, 0, self._config)
        kind = decoder.take(1)[0]
        if family == "B":
            kind = decoder.value()
        elif decoder.take(1) != b"\x11":  # a tuple of two
            raise ProtocolError("a message has two parts")
        seq = decoder.value()
        if kind not in (REQUEST, REPLY, EXCEPTION) or type(seq) is not int:
            raise ProtocolError(f"invalid message type: {kind!r}")
        try:
            return kind, seq, decoder.value(), None
        except (ProtocolError, RecursionError) as error:
            return kind, seq, None, error

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

    def _serve_request(self, seq, handler, box, unreadable):
        lent = []
        try:
            if unreadable is not None:
                raise unreadable
            # Kept until it is sent: a proxy that died before would be given back before.
            result = self._run(handler, box)
            message = self._message(REPLY, seq, self._box(result, lent))
        except BaseException as error:
            self._take_back(lent)
            if not self._is_for_peer(error):
                raise
            if self._closed:
                return  # nobody is there to be told
            message = self._message(EXCEPTION, seq, encode(self._describe(error)))
            if handler != DEL:  # its frames would keep what was given back
                self._last_traceback = error.__traceback__
        if not self._closed:
            self._send(message)

    def _run(self, handler, box):
        depth = getattr(self._depth, "value", 0)
        if depth >= self._config["max_call_depth"]:
            raise LimitError("max_call_depth", "requests are nested too deep")
        args = self._unbox(box)
        if type(args) is not tuple:
            raise TypeError("arguments must be a tuple")
        function = self._HANDLERS[handler]
        self._depth.value = depth + 1
        try:
            return function(self, *args)
        finally:
            self._depth.value = depth

    def _is_for_peer(self, error):
        if type(error) is SystemExit:
            return not self._config["propagate_SystemExit_locally"]
        if type(error) is KeyboardInterrupt:
            return not self._config["propagate_KeyboardInterrupt_locally"]
        return True

    def _describe(self, error):
        kind, config = type(error), self._config
        if config["logger"] is not None and kind is not StopIteration:
            config["logger"].debug("Exception caught", exc_info=error)
        return dump_exception(
            kind,
            error,
            error.__traceback__,
            config["include_local_traceback"],
            config["include_local_version"],
        )

    # -- sending

    def _message(self, kind, seq, body):
        if self._family == "B":
            payload = b"".join((b"\x12", encode_int(kind), encode_int(seq), body))
        else:
            payload = b"".join((bytes((kind,)), b"\x11", encode_int(seq), body))
        return b"".join((struct.pack("!LB", len(payload), 0), payload, b"\n"))

    def _send(self, message):
        """Send a message behind the releases that wait. A thread that finds no room reads."""
        try:
            with self._sending:
                self._queue_releases()
                self._unsent.append(memoryview(message))
                while self._unsent:
                    self._require_life()
                    if not self._write_first():
                        self._wait_for_room()
        except (OSError, ProtocolError) as error:
            self._end(str(error))
            raise EOFError(self.close_reason) from None
        self._flush_releases()

    def _write_first(self):
        piece = self._unsent[0]
        count = self._stream.write_some(piece)
        # Once these bytes are out nothing may come between, or they would be sent again.
        if count == len(piece):
            self._unsent.popleft()
        elif count:
            self._unsent[0] = piece[count:]
        return count

    def _wait_for_room(self):
        """Wait until more can be written; read meanwhile, or two that write would wait for ever."""
        with self._turn:
            reads = not self._leading
            if reads:
                self._leading = True
        try:
            # Who reads may stop to serve, and then wait for us: look again soon.
            readable, _ = self._stream.wait(reads, True, None if reads else 0.05)
            if readable:
                self._read_more()
        finally:
            if reads:
                self._stop_leading()

    def _queue_releases(self):
        while self._releases:
            id_pack, count = self._releases.popleft()
            body = ((LOCAL_REF, id_pack), (VALUE, count))
            body = encode((DEL, (TUPLE, body)))
            self._unsent.append(memoryview(self._message(REQUEST, next(self._seq), body)))

    def _flush_releases(self):
        """Send releases if that is possible at once; another sender takes them along otherwise."""
        while (self._releases or self._unsent) and not self._closed:
            if not self._sending.acquire(False):
                return
            try:
                self._queue_releases()
                while self._unsent:
                    if not self._write_first():
                        return
            except OSError:
                return  # who reads will find out
            finally:
                self._sending.release()

    def _give_back(self, id_pack, count):
        """Tell the peer that a proxy has died. Runs in finalisers."""
        if not self._closed:
            with self._tables:
                dead = self._proxies.get(id_pack)
                if dead is not None and dead() is None:
                    del self._proxies[id_pack]
            self._releases.append((id_pack, count))
            self._flush_releases()

    # -- the end

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
