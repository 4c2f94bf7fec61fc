"""Serve the lab service with the RPyC whose import name is given; print where it listens."""

import importlib
import logging
import sys

from lab_service import lab_service


def main() -> None:
    package = sys.argv[1]
    rpyc = importlib.import_module(package)
    server_class = importlib.import_module(f"{package}.utils.server").ThreadedServer
    logger = logging.getLogger("lab")
    logger.addHandler(logging.StreamHandler(sys.stdout))  # "server started on [host]:port"
    logger.setLevel(logging.INFO)
    server_class(
        lab_service(rpyc),
        hostname="127.0.0.1",
        port=0,
        protocol_config={"allow_pickle": True, "log_exceptions": False},
        logger=logger,
    ).start()


if __name__ == "__main__":
    main()
