"""Tests with a short form, for every run, and a long one, for `./dev soak`."""

import datetime
import os
import time


class Soak:
    """How much a test is to do, and where it says what it has measured.

    `minutes` is the time of the whole soak; 0 means the short form.
    """

    def __init__(self, minutes, figures):
        self._minutes, self._figures = minutes, figures

    @property
    def is_long(self):
        return self._minutes > 0

    def amount(self, short, long):
        """Return how many of something: the one or the other."""
        return long if self.is_long else short

    def lasts(self, short, share=0.25):
        """Yield 0, 1, ... for `short` rounds, or for that share of the soak's time."""
        end = time.monotonic() + self._minutes * 60 * share
        number = 0
        while number < short or (self.is_long and time.monotonic() < end):
            yield number
            number += 1

    def record(self, row, text):
        """Note a figure for docs/security.md."""
        self._figures.append(f"{row}: {text} ({datetime.date.today()})")


def memory_kib(pid):
    """Return the resident memory of a process in KiB."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") >> 10


def thread_count(pid):
    """Return the number of threads of a process."""
    return len(os.listdir(f"/proc/{pid}/task"))


def descriptor_count(pid):
    """Return the number of open descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))
