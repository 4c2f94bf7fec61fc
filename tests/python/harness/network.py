"""Two network namespaces with a line between them that delays, loses, repeats, or is cut.

The line is two TUN devices, one in each namespace, and a process (line.py) that carries the packets
between them. So everything above is the kernel's own: TCP, its timers, its retransmissions. It does
what `tc netem` over a veth pair would do, and needs no kernel module: many kernels have no netem.

A thread can be moved to a namespace, and then whatever it opens or starts is there for good.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_SIOCSIFADDR, _SIOCSIFFLAGS, _SIOCSIFNETMASK = 0x8916, 0x8914, 0x891C
_TUNSETIFF, _TUNSETCARRIER = 0x400454CA, 0x400454E2
_IFF_TUN, _IFF_NO_PI, _IFF_UP = 0x1, 0x1000, 0x1
_libc = ctypes.CDLL(None, use_errno=True)


def why_not():
    """Return why there can be no namespaces here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        Line().close()
    except OSError as error:
        return f"network namespaces cannot be made here: {error}"
    return None


def _check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _current():
    """Open the namespace of this thread."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Place:
    """One namespace: `with place:` moves this thread there and back. `address` is its own."""

    def __init__(self, address):
        self.address = address
        self._came_from = []
        before = _current()
        try:
            _check(_libc.unshare(_CLONE_NEWNET))
            try:
                self._space = _current()
                _bring_up("lo", "127.0.0.1", "255.0.0.0")
                self.device = _open_tun("line0")
                _bring_up("line0", address, "255.255.255.0")
            finally:
                _check(_libc.setns(before, _CLONE_NEWNET))
        finally:
            os.close(before)

    def __enter__(self):
        self._came_from.append(_current())
        _check(_libc.setns(self._space, _CLONE_NEWNET))
        return self

    def __exit__(self, *_):
        before = self._came_from.pop()
        _check(_libc.setns(before, _CLONE_NEWNET))
        os.close(before)

    def carrier(self, on):
        """Let the device have, or lack, a cable."""
        fcntl.ioctl(self.device, _TUNSETCARRIER, struct.pack("i", on))

    def close(self):
        os.close(self.device)
        os.close(self._space)


def _open_tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return device


def _bring_up(name, address, mask):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, mask)):
            numbers = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(sock, request, struct.pack("16s16s", name.encode(), numbers))
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), _IFF_UP))


class Line:
    """The namespaces `here` and `there`, and what lies between them.

    threads: one at a time, except that `with line.there:` may be used by any.
    """

    def __init__(self):
        with contextlib.ExitStack() as undo:
            self.here = Place("10.77.0.1")
            undo.callback(self.here.close)
            self.there = Place("10.77.0.2")
            undo.callback(self.there.close)
            ends = (self.here.device, self.there.device)
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("line.py")), *map(str, ends)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=ends,
            )
            undo.pop_all()

    def weather(self, **conditions):
        """From now on carry packets so; returns once that is the case.

        delay, jitter: seconds, the latter at random beside the former, so that packets overtake
        each other; loss, duplicate: shares of 1. What is not named is as on a perfect line.
        """
        self._tell(conditions)

    def cut(self, seconds=None):
        """Drop everything, until `heal()`; or for so long, and return when it is over."""
        self._tell({"loss": 1})
        if seconds is not None:
            self.after(seconds)
            self.heal()

    def after(self, seconds):
        """Return when the line has carried, or not carried, packets for so long."""
        self._tell({"wait": seconds})

    def heal(self):
        """Be perfect again, the cable included."""
        self._carrier(True)
        self._tell({})

    def pull(self):
        """Pull the cable out at both ends: the devices see that, no program is told."""
        self._carrier(False)

    def _carrier(self, on):
        for place in (self.here, self.there):
            place.carrier(on)

    def _tell(self, conditions):
        self._process.stdin.write(json.dumps(conditions).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if answer != b"done\n":
            raise RuntimeError("the line has broken down")

    def close(self):
        self._process.kill()
        self._process.communicate()
        self.here.close()
        self.there.close()
