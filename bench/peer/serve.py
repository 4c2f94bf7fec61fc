"""A server process of the benchmark: `serve.py TASK`, the task in JSON.

Prints its ports and process id as JSON once it serves, and ends when its standard input does.
"""

import importlib
import json
import os
import sys


def main() -> None:
    task = json.loads(sys.argv[1])
    if task["cpus"]:
        os.sched_setaffinity(0, task["cpus"])
    sys.path[:0] = task["path"]
    adapter = importlib.import_module(task["adapter"])
    ports = adapter.serve(task["package"], task["kind"])
    sys.stdout.write(json.dumps({"ports": {**ports, "pid": os.getpid()}}) + "\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
