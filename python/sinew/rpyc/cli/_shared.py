"""Options that the programs share."""

import argparse
import sys

from sinew.rpyc.version import __version__


def make_parser(program, description):
    """Return a parser with the options that every program has."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("-v", "--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--help-all", action="help", help=argparse.SUPPRESS)
    log = parser.add_argument_group("logging")
    log.add_argument("--logfile", metavar="FILE", help="where to log (default: standard error)")
    log.add_argument("-q", "--quiet", action="store_true", help="log errors only")
    return parser


def cannot_listen(program, host, number, error):
    """Say so, and return the exit code."""
    place = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"{program}: cannot listen at {place}:{number}: {error.strerror}\n")
    return 1


def port(text):
    """Return the port that an option names."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"no port: {text}")
    return number


def truth(text):
    """Return the boolean that an option names; plumbum takes any text but the empty one for yes."""
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False, "": False}
    try:
        return words[text.lower()]
    except KeyError:
        raise argparse.ArgumentTypeError(f"neither true nor false: {text}") from None
