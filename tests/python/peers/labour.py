"""A service that works until it is stopped, and tells how its work ended."""

import threading
import time

_LOCK = threading.Lock()
_ENDED = []
_NOTES = []
_ENTERED = threading.Event()


def labour(rpyc):
    """Calls that last, and calls that watch them."""

    class Labour(rpyc.Service):
        def exposed_spin(self):
            """Compute until an exception ends it."""
            self._work(lambda: False)

        def exposed_spin_for(self, seconds):
            end = time.monotonic() + seconds
            self._work(lambda: time.monotonic() > end)

        def exposed_call(self, function):
            self._watched(function)

        def _work(self, is_done):
            def work():
                while not is_done():
                    time.sleep(0.001)  # lint: workload

            self._watched(work)

        def _watched(self, function):
            _ENTERED.set()
            try:
                function()
            except BaseException as error:
                with _LOCK:
                    _ENDED.append(type(error).__name__)
                raise

        def exposed_entered(self, timeout=5.0):
            return _ENTERED.wait(timeout)

        def exposed_ended(self):
            """Return the names of the exceptions that ended work."""
            with _LOCK:
                return tuple(_ENDED)

        def exposed_note(self, text, _attachment=None):
            _NOTES.append(text)

        def exposed_notes(self):
            return tuple(_NOTES)

        def exposed_nothing(self):
            return None

    return Labour
