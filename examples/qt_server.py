"""Let other programs drive a Qt window.

    python examples/qt_server.py

prints an address, and from anywhere on this machine

    panel = sinew.connect("tcp://127.0.0.1:PORT").root    # or rpyc.connect("127.0.0.1", PORT).root
    panel.show("12.7 V")

Widgets may be touched on Qt's own thread only. A signal with a queued connection has each call made
there, between Qt's own events: its `emit` is all that `Posted` wants. In PyQt it is the same, with
`pyqtSignal` and `pyqtSlot`.
"""

import sys

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot
from PySide6.QtWidgets import QApplication, QLabel

import sinew


class Poster(QObject):
    """Calls functions on the thread that it was made on."""

    posted = Signal(object)

    def __init__(self):
        super().__init__()
        self.posted.connect(self._call, Qt.ConnectionType.QueuedConnection)

    @Slot(object)
    def _call(self, function):
        function()


class Panel:
    """A label that clients may write on."""

    def __init__(self, application):
        self._application = application
        self._label = QLabel("nothing yet")
        self._label.show()

    @sinew.expose
    def show(self, text):
        """Write on the label."""
        assert QThread.currentThread() is self._application.thread()
        self._label.setText(text)

    @sinew.expose
    def shown(self):
        """Return what the label says."""
        return self._label.text()

    @sinew.expose
    def ask(self, question):
        """Write what `question(what the label says)` returns, which asks the client."""
        self.show(question(self._label.text()))

    @sinew.expose
    def quit(self):
        """End the program."""
        self._application.quit()


def main():
    application = QApplication(sys.argv)
    poster = Poster()
    calls = sinew.dispatch.Posted(poster.posted.emit)
    with sinew.start_server(Panel(application), "tcp://127.0.0.1", dispatcher=calls) as server:
        print("serving the panel at", server.address, file=sys.stderr)
        return application.exec()


if __name__ == "__main__":
    sys.exit(main())
