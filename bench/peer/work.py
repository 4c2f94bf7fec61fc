"""A client process of the benchmark: `work.py TASK`, the task in JSON.

For each line of JSON on standard input, `{"measure", "count", "batches"}`, it prints one: the
`values` of the batches, or the `error`.
"""

import importlib
import json
import os
import sys
import traceback


def main() -> None:
    task = json.loads(sys.argv[1])
    if task["cpus"]:
        os.sched_setaffinity(0, task["cpus"])
    sys.path[:0] = task["path"]
    client = importlib.import_module(task["adapter"]).Client(task["package"], task["ports"])
    say({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        measure = getattr(client, request["measure"])
        try:
            say({"values": [measure(request["count"]) for _ in range(request["batches"])]})
        except Exception:
            say({"error": traceback.format_exc(limit=-3)})
    os._exit(0)  # connections to servers that may be gone


def say(answer: dict) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
