"""The client process of one pair: run the scenarios with the RPyC that the task names.

The task is one JSON object: `package`, `config` of every connection, and the ports `classic` and
`service`. Prints one JSON line for each step.
"""

import json
import sys

import classic_scenario
import service_scenario
from checks import run_steps


def main() -> None:
    task = json.loads(sys.argv[1])
    with classic_scenario.Classic(task["package"], task["classic"], task["config"]) as classic:
        run_steps("interpreter", classic_scenario.STEPS, classic)
    with service_scenario.Lab(classic.rpyc, task["service"], task["config"]) as lab:
        run_steps("service", service_scenario.STEPS, lab)


if __name__ == "__main__":
    main()
