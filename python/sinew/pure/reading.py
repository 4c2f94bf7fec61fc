"""What of a connection reads: whose turn that is, and what each message is.

A thread that waits for an answer reads and serves what comes; one thread reads at a time
(`_leading`), and the others wait for their answer or for their turn. What must keep the order of
the messages (whose call is answered, which of our objects is meant) happens while nobody else
reads; what may ask the peer itself happens after that.
"""

import time

from .boxes import pair
from .values import Decoder
from .wire import EXCEPTION, REPLY, REQUEST, ProtocolError


def left(deadline):
    """Return the seconds until `deadline`, a time of time.monotonic; None if there is none."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


class Reading:
    """Takes messages in, one thread after another."""

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
                if not wait_for_turn or not self._turn.wait(left(deadline)):
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
            readable, _ = self._stream.wait(True, bool(self._unsent), left(deadline))
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
        handler = box = None
        try:
            if error is not None:
                raise error
            if kind == REQUEST:
                handler, box = pair(body)
                body = self._pin(box)
            elif kind == REPLY:
                box = body
                body = self._pin(box)
        except (LookupError, ValueError, TypeError, RecursionError) as refused:
            error = refused  # of this request or answer; the connection goes on
            self._give_back_box(box)
        if kind == REQUEST:
            return lambda: self._serve_request(seq, handler, body, error)
        with self._turn:
            result = self._calls.pop(seq, None)
            if result is None:  # nobody waits any more
                return None if error is not None else lambda: self._give_back_box(box)
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
