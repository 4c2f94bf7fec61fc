"""The other Pythons of this machine: Debian's, pyenv's, and those that SINEW_PYTHONS names."""

import functools
import os
import subprocess
import sys
from pathlib import Path

_OLDEST = (3, 8)
_OLDEST_FOR_EXTENSION = (3, 10)
_ASK = "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])"


@functools.cache
def found():
    """Return {(major, minor): path} of the Pythons that can be run here; this one is among them."""
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    paths = [Path(path) for path in os.environ.get("SINEW_PYTHONS", "").split(os.pathsep) if path]
    paths += sorted(folder.glob("*/bin/python"))
    paths += sorted(Path("/usr/bin").glob("python[23].*[0-9]"))
    pythons = {sys.version_info[:2]: sys.executable}
    for path in paths:
        version = _version(path)
        if version:
            pythons.setdefault(version, str(path))
    return dict(sorted(pythons.items()))


def suitable():
    """Return those that the pure peer is for."""
    return {version: path for version, path in found().items() if version >= _OLDEST}


def for_extension():
    """Return those that the extension can be built for."""
    return {v: path for v, path in found().items() if v >= _OLDEST_FOR_EXTENSION}


def too_old():
    """Return those that it is not for."""
    return {version: path for version, path in found().items() if version < _OLDEST}


def _version(path):
    try:
        done = subprocess.run([path, "-c", _ASK], capture_output=True, timeout=10, check=True)
        major, minor = done.stdout.decode().split(".")
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return int(major), int(minor)


def name(version):
    """Return "3.8" for (3, 8)."""
    return ".".join(map(str, version))
