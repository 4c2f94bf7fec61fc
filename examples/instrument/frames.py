"""What both viewers do with frames."""

from time import monotonic

import numpy


class Viewer:
    """Takes frames, and notes which are missing."""

    def __init__(self):
        self.taken = self.lost = 0
        self._last = self._begin = None

    def show(self, number, dtype, shape, data):
        """Take a frame; it is an array of this process, whatever happens at the instrument."""
        frame = numpy.frombuffer(data, dtype).reshape(shape)
        if self._last is None:
            self._begin = monotonic()
        else:
            self.lost += number - self._last - 1
        self._last = number
        self.taken += 1
        if self.taken % 100 == 0:
            rate = (self.taken - 1) / (monotonic() - self._begin)
            print(f"{self.taken} frames, {self.lost} lost, {rate:.0f} Hz", frame.mean(), flush=True)
