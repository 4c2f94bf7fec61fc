"""Eight devices on this machine, to try the farm without hardware.

    python examples/test_farm/rack.py        # prints the address and the process of each device

A device that dies is started again at the same address, as the power-on of a real one would. The
fifth has a weak supply. Ctrl-C ends them all.
"""

import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

DEVICE = Path(__file__).parent / "device.py"


class Slot:
    """One place in the rack: a device that is switched on again whenever it went off."""

    def __init__(self, number, flash):
        (flash / "serial").write_text(f"{number:04}")
        (flash / "supply").write_text("10.9" if number == 5 else "12.0")
        self._flash, self._port, self._on = flash, 0, True
        self._boot()
        threading.Thread(target=self._watch, daemon=True).start()

    def _boot(self):
        command = [sys.executable, str(DEVICE), str(self._port), str(self._flash)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        address = re.search(r"tcp://[\w.]+:(\d+)", self._process.stderr.readline())
        self._port = int(address[1])
        print(address[0], self._process.pid, flush=True)

    def _watch(self):
        while self._on:
            sys.stderr.write(self._process.stderr.read())  # until its end
            self._process.wait()
            if self._on:
                self._boot()

    def switch_off(self):
        self._on = False
        self._process.kill()


def main():
    with tempfile.TemporaryDirectory() as folder:
        slots = []
        try:
            for number in range(1, 9):
                flash = Path(folder, f"{number:04}")
                flash.mkdir()
                slots.append(Slot(number, flash))
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
        finally:
            for slot in slots:
                slot.switch_off()


if __name__ == "__main__":
    main()
