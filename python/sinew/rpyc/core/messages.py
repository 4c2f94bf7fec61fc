"""Messages by way of Python, for connections whose class has a say in them.

The engine reads, writes, boxes and matches messages itself. When a program has put its own in the
place of one of the methods that do so in RPyC (`_dispatch`, `_dispatch_request`, `_box`, `_unbox`,
`_send`, `_async_request`, `_get_seq_id`, `_seq_request_callback`), all messages of that connection
go through these methods, which call each other as RPyC 6's do. A message has RPyC 6's form here,
whatever the peer speaks. `_box`, `_unbox`, `_send` and `_get_seq_id` are the engine's.
"""

import sys

from . import brine, consts
from .requests import ServingConnection

_KIND = brine.I1
_MOMENT = 0.02  # seconds between looks at what another thread does


def _ignore(is_exc, obj):
    pass


class MessagingConnection(ServingConnection):
    """A connection with RPyC's methods for messages."""

    __module__ = "rpyc.core.protocol"

    # -- asking -------------------------------------------------------------------------------

    def _async_request(self, handler, args=(), callback=_ignore):
        """Send a request; `callback(is_exc, obj)` gets what it is answered with."""
        seq = self._get_seq_id()
        self._callbacks[seq] = callback
        try:
            self._send(consts.MSG_REQUEST, seq, (handler, self._box(args)))
        except BaseException:
            self._callbacks.pop(seq, None)
            raise

    def _serve_for(self, result):
        """Serve one message for somebody who waits for `result`."""
        from sinew.rpyc.lib import Timeout  # noqa: PLC0415

        left = result._timeleft
        if result._delivered:  # the program has the answer; no message may come when it is done
            left = _MOMENT if left is None else min(left, _MOMENT)
        self.serve(Timeout(left), waiting=result._waiting)

    # -- what has come ------------------------------------------------------------------------

    def _deliver(self, seq, result, data):
        """Dispatch the message that answers request `seq`, which was asked for `result`."""
        self._callbacks.setdefault(seq, result)
        self._dispatch(data)

    def _dispatch(self, data):
        """Handle one message: its kind in a byte, then brine of its number and body."""
        (kind,) = _KIND.unpack(data[:1])
        seq, body = brine.load(data[1:])
        if kind == consts.MSG_REQUEST:
            self._dispatch_request(seq, body)
        elif kind == consts.MSG_REPLY:
            self._seq_request_callback(kind, seq, False, self._unbox(body))
        elif kind == consts.MSG_EXCEPTION:
            self._seq_request_callback(kind, seq, True, self._unbox_exc(body))
        else:
            raise ValueError(f"{kind!r} is no kind of message")

    def _seq_request_callback(self, msg, seq, is_exc, obj):
        """Give an answer to whoever asked for it."""
        callback = self._callbacks.pop(seq, None)
        if callback is not None:
            callback(is_exc, obj)

    def _dispatch_request(self, seq, raw_args):
        """Serve a request and send the answer."""
        try:
            handler, args = raw_args
            answer = self._box(self._serve_request(handler, self._unbox(args)))
        except BaseException:
            dumped = self._answer_error(*sys.exc_info())
            if dumped is None:
                raise
            self._send(consts.MSG_EXCEPTION, seq, dumped)
        else:
            self._send(consts.MSG_REPLY, seq, answer)
