"""The tests that the controller uploads. They run on the devices; each gets the flash memory."""

import os
import signal


def test_identity(flash):
    print("serial number", (flash / "serial").read_text())


def test_supply(flash):
    volts = read_supply(flash)
    (flash / "measurements.csv").write_text(f"supply,{volts}\n")
    check("supply", volts, 11.5, 12.5)


def test_watchdog(flash):
    """The watchdog resets a device that hangs: so this test begins, and then begins again."""
    if not (flash / "hung").exists():
        (flash / "hung").touch()
        print("hanging")
        os.kill(os.getpid(), signal.SIGKILL)
    print("was reset")


def test_pages(flash):
    for page in range(40):
        data = os.urandom(4096)
        (flash / "page").write_bytes(data)
        assert (flash / "page").read_bytes() == data, f"page {page} differs"
        print("page", page)


def read_supply(flash):
    return float((flash / "supply").read_text())


def check(what, value, low, high):
    if not low <= value <= high:
        raise ValueError(f"{what} is {value}, not within {low} and {high}")
