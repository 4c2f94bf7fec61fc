"""An instrument: a window, a camera with 100 frames a second, and clients that watch and set it.

    python examples/instrument/server.py            # with PySide6, else with a loop of its own
    python examples/instrument/server.py --plain    # with a loop of its own

prints an address; `viewer.py` and `rpyc_viewer.py` beside it are clients, Sinew's and RPyC's.

The camera may be touched on the thread of the window only: a `MainLoop` has every call of a client
made there. Frames leave by another way: each client that watches has a thread, which calls the
client's function with one frame after the other. So a client that is slow, or stands still, holds
up neither the window nor the others. Of its frames it gets the newest 100, and the number of a
frame shows how many it has missed. A client that is gone is forgotten with the next frame, one that
does not answer after 30 seconds.
"""

import argparse
import selectors
import signal
import sys
import threading
from collections import deque
from time import monotonic

import numpy

import sinew

RATE = 100  # frames a second


class Camera:
    """The hardware, or what stands for it: may be touched on one thread only."""

    def __init__(self):
        self._thread = threading.get_ident()
        self._count = 0
        self.exposure = 5.0

    def set_exposure(self, milliseconds):
        self._stay_on_thread()
        self.exposure = float(milliseconds)

    def grab(self):
        """Return the number of the next frame and the frame, with that number in its corner."""
        self._stay_on_thread()
        self._count += 1
        frame = numpy.full((256, 256), 100 * self.exposure, dtype="uint16")
        frame[0, 0] = self._count % 65536
        return self._count, frame

    def _stay_on_thread(self):
        if threading.get_ident() != self._thread:
            raise RuntimeError("the camera was touched on another thread")


@sinew.expose
class Subscription:
    """What a client holds that watches; it ends with the client, or by `stop()`."""

    def __init__(self, show, most):
        self._show = show
        self._frames = deque(maxlen=most)  # the oldest make room
        self._changed = threading.Condition()
        self._ended = False

    def stop(self):
        """Send no more frames."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _offer(self, number, frame):
        with self._changed:
            self._frames.append((number, frame))
            self._changed.notify()

    def _next(self):
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._ended)
            return None if self._ended else self._frames.popleft()

    def _send(self):
        """Send frames until there is nobody to send them to."""
        try:
            while (item := self._next()) is not None:
                number, frame = item
                self._show(number, frame.dtype.str, frame.shape, frame.tobytes())
        except (EOFError, TimeoutError):  # the client is gone, or does not answer
            pass
        finally:
            self._ended = True


class Instrument:
    """What clients may do with the camera. All of it runs on the window's thread."""

    def __init__(self, camera, most_waiting):
        self._camera = camera
        self._most_waiting = most_waiting
        self._subscriptions = []

    @sinew.expose
    @property
    def exposure(self):
        """Milliseconds."""
        return self._camera.exposure

    @exposure.setter
    def exposure(self, milliseconds):
        self._camera.set_exposure(milliseconds)

    @sinew.expose
    def subscribe(self, show):
        """Have `show(number, dtype, shape, data)` called with each frame, until `stop()`."""
        subscription = Subscription(show, self._most_waiting)
        self._subscriptions.append(subscription)
        threading.Thread(target=subscription._send, daemon=True).start()
        return subscription

    @sinew.expose
    def watchers(self):
        """Return how many clients watch."""
        return len(self._subscriptions)

    def tick(self):
        """Take a frame, and give it to all who watch."""
        number, frame = self._camera.grab()
        self._subscriptions = [each for each in self._subscriptions if not each._ended]
        for subscription in self._subscriptions:
            subscription._offer(number, frame)


def run_qt(calls, instrument):
    """Show a window until it is closed."""
    from PySide6.QtCore import QSocketNotifier, Qt, QTimer  # noqa: PLC0415 - may be missing
    from PySide6.QtWidgets import QApplication, QLabel  # noqa: PLC0415

    application = QApplication([])
    label = QLabel()
    label.show()
    ready = QSocketNotifier(calls.fileno(), QSocketNotifier.Type.Read)
    ready.activated.connect(lambda *_: calls.run_pending())
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(instrument.tick)
    timer.timeout.connect(lambda: label.setText(f"{instrument.exposure} ms"))
    timer.start(1000 // RATE)
    signal.signal(signal.SIGINT, lambda *_: application.quit())
    application.exec()


def run_plain(calls, instrument):
    """The same without a window: any loop that can watch a descriptor will do."""
    selector = selectors.DefaultSelector()
    selector.register(calls, selectors.EVENT_READ)
    due = monotonic()
    while True:
        if selector.select(max(0, due - monotonic())):
            calls.run_pending()
        if monotonic() >= due:
            instrument.tick()
            due += 1 / RATE


def best_loop():
    """Return the loop with a window if there is Qt."""
    try:
        import PySide6.QtWidgets  # noqa: F401, PLC0415
    except ImportError:
        print("no PySide6: no window", file=sys.stderr)
        return run_plain
    return run_qt


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--plain", action="store_true", help="no window")
    parser.add_argument("--waiting", type=int, default=100, help="frames that wait for a client")
    options = parser.parse_args()
    run = run_plain if options.plain else best_loop()
    instrument = Instrument(Camera(), options.waiting)
    calls = sinew.dispatch.MainLoop()
    with sinew.start_server(instrument, "tcp://127.0.0.1", dispatcher=calls) as server:
        print("serving the instrument at", server.address, file=sys.stderr)
        try:
            run(calls, instrument)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
