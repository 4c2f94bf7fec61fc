"""Test all devices of a farm at the same time.

    python examples/test_farm/controller.py RESULTS SUITE DEVICE...
    python examples/test_farm/controller.py results suite.py tcp://lab-1:18861 tcp://lab-2:18861

On each device it uploads the suite, runs one test after the other, shows what they print, and
collects what they measured. A device that reboots in the middle is waited for, and its test is run
again. The report at the end has the traceback of each failure, from the device. The exit code is 0
if all passed, 1 if not, 2 if a device was not there, 130 after Ctrl-C.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import sinew

TRIES = 3  # of a step, if the device reboots meanwhile
LIMIT = 60  # seconds for a step; one that takes longer is stopped, on the device, too


class Log:
    """Prints lines behind the name of a device, which prints into it as into a file."""

    def __init__(self, name):
        self._name = name
        self._begun = ""

    @sinew.expose
    def write(self, text):
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            sys.stdout.write(f"{self._name}: {line}\n")
        sys.stdout.flush()


class Station:
    """A device, and what came of each step there: None, or the error."""

    def __init__(self, uri):
        self.name = uri.partition("://")[2]
        self.log = Log(self.name)
        self.outcomes = {}
        self.conn = sinew.connect(
            uri,
            reconnect=sinew.Backoff(most=2),
            on_lost=lambda _, cause: self.log.write(f"lost ({cause})\n"),
            on_restored=lambda _: self.log.write("back\n"),
        )

    def work(self, suite, results):
        """Do everything that is to be done on this device."""
        self.step("upload", lambda device: device.put(suite.name, suite.read_bytes()))
        for test in self.step("list", lambda device: device.tests(suite.name)) or ():
            self.step(test, lambda device, test=test: device.run(suite.name, test, self.log))
        self.step("collect", lambda device: self.collect(device, results / self.name))
        return self

    def step(self, name, do):
        """Return `do(device)`, done again if the device reboots, and note what came of it."""
        for _ in range(TRIES):
            try:
                with sinew.deadline(LIMIT):
                    value = do(self.conn.root)
            except EOFError as error:  # how far it came nobody knows
                self.outcomes[name] = error
            except Exception as error:
                self.outcomes[name] = error
                break
            else:
                self.outcomes[name] = None
                return value
        self.log.write(f"{name} FAILED\n")
        return None

    def collect(self, device, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "measurements.csv").write_bytes(device.get("measurements.csv"))

    def failures(self):
        return {name: error for name, error in self.outcomes.items() if error is not None}


def report(stations):
    print(f"\n{'device':24}{'passed':>8}{'failed':>8}{'lost':>8}")
    for station in stations:
        failed = len(station.failures())
        passed = len(station.outcomes) - failed
        print(f"{station.name:24}{passed:8}{failed:8}{station.conn.epoch - 1:8}")
    for station in stations:
        for step, error in station.failures().items():
            print(f"\n{station.name}, {step}: {type(error).__name__}: {error}")


def main(results, suite, *uris):
    try:
        stations = [Station(uri) for uri in uris]
    except OSError as error:
        print(f"no device: {error.strerror or error}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(len(stations)) as pool:
        try:
            jobs = [pool.submit(each.work, Path(suite), Path(results)) for each in stations]
            for done, job in enumerate(as_completed(jobs), start=1):
                print(f"{job.result().name}: done, {done} of {len(jobs)}", flush=True)
        except KeyboardInterrupt:
            for station in stations:  # closing frees the thread that waits for the device
                threading.Thread(target=station.conn.close).start()
            return 130
    report(stations)
    return 1 if any(station.failures() for station in stations) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
