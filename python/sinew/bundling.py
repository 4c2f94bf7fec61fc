"""The pure peer (`sinew.pure`) in one file, and how it gets into an interpreter elsewhere.

python -m sinew.bundling > peer.py; scp peer.py host:; ssh host python3 peer.py --help
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

# In the order in which they are executed: each needs only what is before it.
_PARTS = (
    *("wire", "values", "errors", "netrefs", "results", "streams", "boxes", "handlers"),
    *("reading", "sending", "serving"),
    *("connection", "tokens", "services", "servers", "teleporting", "program", "__init__"),
)

# Those that are not in the folder of the others: the rest of Sinew uses them, too.
_SHARED = ("tokens",)

# What gives the parts back their names; see `source`.
_LOADER = '''\
"""Sinew's peer in plain Python: made by `python -m sinew.bundling`, from the folder sinew/pure."""

import linecache
import sys
import types


def _load(parts):
    package = types.ModuleType("sinew_pure")
    package.__path__ = []
    sys.modules["sinew_pure"] = package
    for name, text in parts.items():
        module = package
        if name != "__init__":
            module = sys.modules["sinew_pure." + name] = types.ModuleType("sinew_pure." + name)
            setattr(package, name, module)
        module.__package__ = "sinew_pure"
        module.__file__ = path = "sinew_pure/" + name + ".py"
        # For tracebacks, which would look for the text in a file.
        linecache.cache[path] = (len(text), None, text.splitlines(True), path)
        exec(compile(text, path, "exec"), vars(module))
    return package


sinew_pure = _load({parts!r})

if __name__ == "__main__":
    sys.exit(sinew_pure.main())
'''


def source() -> str:
    """Return the text of a Python module that is the whole package `sinew_pure`."""
    here = Path(__file__).parent
    parts = {}
    for name in _PARTS:
        folder = here if name in _SHARED else here / "pure"
        parts[name] = (folder / f"{name}.py").read_text("utf-8")
    return _LOADER.replace("{parts!r}", repr(parts))


def stand_in() -> str:
    """Return the text of an `rpyc/__init__.py` that has the pure peer under RPyC's names."""
    return source() + 'sinew_pure.stand_in("rpyc")\n'


MARK = b"\nSINEW-PURE "

# Runs as `python -c` in any Python from 2.7 on: says on descriptor {answer} which Python this is,
# and executes what comes on standard input. What that sends belongs to the protocol afterwards,
# so not a byte more may be read.
_BOOTSTRAP = """\
import os, sys
def say(text): os.write({answer}, ("\\nSINEW-PURE " + text + "\\n").encode())
if sys.version_info < (3, 8):
    say("old " + sys.version.split()[0])
    sys.exit(3)
say("ready " + sys.version.split()[0])
import zlib
data, missing = b"", {size}
while missing:
    piece = os.read(0, missing)
    if not piece: sys.exit(4)
    data += piece
    missing -= len(piece)
names = {{"__name__": "sinew_pure_loader"}}
exec(compile(zlib.decompress(data), "sinew_pure", "exec"), names)
sys.exit(names["sinew_pure"].main([{option!r}]))
"""


def bootstrap(option: str, *, answer: int) -> tuple[str, bytes]:
    """Return a program for `python -c`, and what to send to its standard input.

    The program becomes the pure peer, run with `option`. First it says on its descriptor `answer`
    a line that starts with MARK: "ready VERSION", or "old VERSION" if that Python will not do.
    """
    data = zlib.compress(source().encode(), 9)
    return _BOOTSTRAP.format(size=len(data), option=option, answer=answer), data


if __name__ == "__main__":
    sys.stdout.write(source())
