"""What of a connection writes: messages, and the proxies that died, which go along with them."""

import struct

from .values import encode, encode_int
from .wire import DEL, LOCAL_REF, REQUEST, TUPLE, VALUE, ProtocolError


class Sending:
    """Sends messages in the order in which they are given, each with all releases before it."""

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
