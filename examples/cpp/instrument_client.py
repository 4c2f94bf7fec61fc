"""Read the instrument that instrument_server.cpp serves. RPyC or Sinew, either will do.

python3 instrument_client.py 127.0.0.1 18861
"""

import sys
import threading

import rpyc


def main() -> None:
    """Set it up, read a few samples, and wait for three events."""
    conn = rpyc.connect(sys.argv[1], int(sys.argv[2]))
    scope = conn.root
    scope.rate = 2000
    print(f"{scope.CHANNELS} channel, {scope.rate:.0f} samples per second")

    for seconds, volts in scope.samples(3):
        print(f"sample at {seconds:.3f} s: {volts:+.2f} V")

    events = threading.Semaphore(0)

    def on_trigger(seconds: float, volts: float) -> None:
        print(f"trigger at {seconds:.3f} s: {volts:+.2f} V")
        events.release()

    server = rpyc.BgServingThread(conn)  # it runs on_trigger
    scope.level = 0.9
    number = scope.on_trigger(on_trigger)
    for _ in range(3):
        events.acquire()
    scope.off_trigger(number)
    server.stop()
    conn.close()


if __name__ == "__main__":
    main()
