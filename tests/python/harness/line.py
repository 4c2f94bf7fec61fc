"""Carries packets between two TUN devices, as a bad network would; started by network.py.

Each line of its input is the weather from now on, as JSON, and is answered by `done`; but
`{"wait": seconds}` only has it answer later. It ends with its input.
"""

import heapq
import itertools
import json
import os
import random
import select
import sys
import time

# Beyond that packets are dropped, as a router's queue does; netem's own limit is 1000.
MOST_WAITING = 10_000


class Line:
    """The two ends, what is on its way, and the weather."""

    def __init__(self, ends):
        self._ends = ends
        self._dice = random.Random(77)  # the same in each run
        self._number = itertools.count()
        self._weather = {}
        self._waiting = []  # (when it is due, its number, where to, the packet)
        self._answer_at = None
        for end in ends:
            os.set_blocking(end, False)

    def run(self):
        while True:
            readable, _, _ = select.select([0, *self._ends], [], [], self._patience())
            for end in self._ends:
                if end in readable:
                    self._take(end)
            if 0 in readable and not self._listen():
                return
            self._deliver()

    def _patience(self):
        due = [self._waiting[0][0]] if self._waiting else []
        due += [] if self._answer_at is None else [self._answer_at]
        return max(0, min(due) - time.monotonic()) if due else None

    def _listen(self):
        line = os.read(0, 65536)
        if not line:
            return False
        order = json.loads(line)
        self._answer_at = time.monotonic() + order.get("wait", 0)
        if "wait" not in order:
            self._weather = order
        return True

    def _take(self, end):
        other = self._ends[self._ends[0] == end]
        for _ in range(100):
            try:
                packet = os.read(end, 65536)
            except BlockingIOError:
                return
            self._send(other, packet)
            if self._dice.random() < self._weather.get("duplicate", 0):
                self._send(other, packet)

    def _send(self, end, packet):
        weather = self._weather
        full = len(self._waiting) >= MOST_WAITING
        if full or self._dice.random() < weather.get("loss", 0):
            return
        due = time.monotonic() + weather.get("delay", 0)
        due += self._dice.uniform(0, weather.get("jitter", 0))
        heapq.heappush(self._waiting, (due, next(self._number), end, packet))

    def _deliver(self):
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _, _, end, packet = heapq.heappop(self._waiting)
            try:
                os.write(end, packet)
            except OSError:
                pass  # its cable is out
        if self._answer_at is not None and self._answer_at <= now:
            self._answer_at = None
            os.write(1, b"done\n")


if __name__ == "__main__":
    Line([int(number) for number in sys.argv[1:]]).run()
