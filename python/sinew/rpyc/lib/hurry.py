"""How long to wait for a peer or a process that is to end: not at all long after Ctrl-C."""

import sys

_AFTER_CTRL_C = 0.05


def patience(seconds):
    """Return `seconds`, or next to none while a KeyboardInterrupt is being handled.

    So `close()` is quick in a `finally`, in an `except KeyboardInterrupt`, and at the end of a
    `with` statement, on the thread that has been interrupted. None is for ever.
    """
    kind = sys.exc_info()[0]
    if kind is None or not issubclass(kind, KeyboardInterrupt):
        return seconds
    return _AFTER_CTRL_C if seconds is None else min(seconds, _AFTER_CTRL_C)
