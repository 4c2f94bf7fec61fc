"""A service whose calls take their time."""

import time


def greenlets(rpyc):
    """Sleep, call back and come back."""

    class Greenlets(rpyc.Service):
        def exposed_add(self, a, b):
            return a + b

        def exposed_sleep(self, seconds):
            time.sleep(seconds)  # lint: workload
            return seconds

        def exposed_call(self, function, *args):
            return function(*args)

    return Greenlets
