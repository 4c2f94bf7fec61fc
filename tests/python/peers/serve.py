"""Serve one service of one implementation: the server half of the behaviour tests.

Prints one line of JSON, `{"port": N}` or `{"path": P}`, once it listens, and ends when its
standard input does, so that it never outlives the tests.
"""

import sys

if "--gevent" in sys.argv:  # before anything else is imported
    from gevent import monkey

    monkey.patch_all()

import _thread
import argparse
import faulthandler
import importlib
import json
import logging
import os
import signal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness import impls


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--impl", required=True, help="ours, stock or stock-VERSION")
    parser.add_argument("--service", required=True, help="MODULE:FUNCTION within peers")
    parser.add_argument("--server", default="ThreadedServer")
    parser.add_argument("--config", type=json.loads, default={})
    parser.add_argument("--options", type=json.loads, default={}, help="server keywords")
    parser.add_argument("--socket-path")
    parser.add_argument("--gevent", action="store_true", help="make threads greenlets")
    parser.add_argument("--authenticator", help="MODULE:FUNCTION within peers")
    return parser.parse_args()


def load_implementation(name):
    """Return the package that `--impl` names."""
    kind, _, version = name.partition("-")
    if version:
        impls.select_stock(version)
    return impls.load(kind)


def build(reference, rpyc):
    """Call the function that `MODULE:FUNCTION` names with the package."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(f"peers.{module}"), name)(rpyc)


def make_server(arguments, rpyc):
    config = dict(arguments.config)
    if "safe_attrs" in config:
        config["safe_attrs"] = set(config["safe_attrs"])
    options = dict(arguments.options, protocol_config=config, logger=quiet_logger())
    if arguments.authenticator:
        options["authenticator"] = build(arguments.authenticator, rpyc)
    if arguments.socket_path:
        options["socket_path"] = arguments.socket_path
    else:
        options.setdefault("hostname", "127.0.0.1")
    server_class = getattr(impls.submodule(rpyc, "utils.server"), arguments.server)
    return server_class(build(arguments.service, rpyc), **options)


def quiet_logger():
    """Return a logger that drops what servers say about each client."""
    logger = logging.getLogger("peer")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    arguments = parse_arguments()
    server = make_server(arguments, load_implementation(arguments.impl))
    start_thread = _thread.start_new_thread
    if arguments.gevent:  # a greenlet would read, and everything wait for it
        start_thread = monkey.get_original("_thread", "start_new_thread")
    start_thread(end_with_parent, ())
    serving = server._start_in_thread()  # returns once it listens
    place = {"path": arguments.socket_path} if arguments.socket_path else {"port": server.port}
    print(json.dumps(place), flush=True)
    serving.join()


if __name__ == "__main__":
    main()
