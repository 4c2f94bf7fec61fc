"""What of a connection answers requests, for as long as a thread cares to."""

import time

from .errors import dump_exception
from .reading import left
from .values import encode
from .wire import DEL, EXCEPTION, REPLY, GuessingError, LimitError


class Serving:
    """Serves the peer on the threads that call it, and on those that wait for answers."""

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
            while self.poll(left(deadline)):
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

    def _serve_request(self, seq, handler, box, unreadable):
        lent = []
        try:
            if unreadable is not None:
                raise unreadable
            # Kept until it is sent: a proxy that died before would be given back before.
            result = self._run(handler, box)
            message = self._message(REPLY, seq, self._box(result, lent))
        except GuessingError as error:
            self._end(str(error))
            return
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
            self._give_back_box(box)
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
