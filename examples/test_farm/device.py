"""What runs on each device of the farm.

    python examples/test_farm/device.py 18861 /var/lib/device

The folder is the flash memory: what is put there outlasts a reboot. Whoever may connect may run
code here, so on a network serve it with a token:

    sinew.serve(Device(folder), "tcp://0.0.0.0:18861", token=pathlib.Path("farm.token"))
"""

import contextlib
import importlib.util
import sys
from pathlib import Path

import sinew


class Device:
    """A device under test, for one controller at a time."""

    def __init__(self, flash):
        self._flash = Path(flash)

    @sinew.expose
    def put(self, name, data):
        """Store a file."""
        (self._flash / name).write_bytes(data)

    @sinew.expose
    def get(self, name):
        """Return the bytes of a file."""
        return (self._flash / name).read_bytes()

    @sinew.expose
    def tests(self, suite):
        """Return the names of a suite's tests, in the order of its text."""
        return tuple(name for name in vars(self._load(suite)) if name.startswith("test_"))

    @sinew.expose
    def run(self, suite, test, out):
        """Run one test; what it prints goes to `out` at once, what it raises to the caller."""
        with contextlib.redirect_stdout(out):
            getattr(self._load(suite), test)(self._flash)

    def _load(self, suite):
        spec = importlib.util.spec_from_file_location("suite", self._flash / suite)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


if __name__ == "__main__":
    port, folder = sys.argv[1:]
    sinew.serve(Device(folder), f"tcp://127.0.0.1:{port}")
