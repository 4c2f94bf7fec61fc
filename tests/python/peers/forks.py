"""A service whose clients are served by processes of their own."""

import os
from pathlib import Path


def forks(rpyc):
    """Tell about the process that serves the client."""

    class Forks(rpyc.Service):
        count = 0

        def exposed_pid(self):
            return os.getpid()

        def exposed_count(self):
            Forks.count += 1
            return Forks.count

        def exposed_call(self, function):
            return function()

        def exposed_call_until_interrupted(self, function, marker):
            """Call back, and write the file `marker` if Ctrl-C ends that."""
            try:
                function()
            except KeyboardInterrupt:
                Path(marker).touch()

    return Forks()
