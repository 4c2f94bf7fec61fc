"""Compile the floor extension for the running interpreter, if its source has changed."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sysconfig
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_SOURCES = sorted(_HERE.glob("*.c"))
_FOLDER = _HERE.parents[1] / "build" / "bench"
_OPTIONS = ["-O2", "-g1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Wno-missing-field-initializers"]


def compiler() -> str:
    """Return the C compiler that built Python, without its options; the floor is built with it."""
    return shlex.split(sysconfig.get_config_var("CC") or "cc")[0]


def build() -> Path:
    """Return the folder that holds the module `_floor`; RuntimeError if it cannot be compiled."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    include = sysconfig.get_path("include")
    command = [compiler(), *_OPTIONS, f"-I{include}", *map(str, _SOURCES), "-o"]
    target = _FOLDER / f"_floor{suffix}"
    stamp = _FOLDER / f"_floor{suffix}.stamp"
    text = b"".join(file.read_bytes() for file in [*_SOURCES, _HERE / "floor.h"])
    key = hashlib.sha256(text + repr(command).encode()).hexdigest()
    if target.exists() and stamp.exists() and stamp.read_text() == key:
        return _FOLDER
    _FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run([*command, str(target)], check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise RuntimeError(f"no C compiler {command[0]} to build the floor with") from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"the floor does not compile:\n{error.stderr}") from error
    stamp.write_text(key)
    return _FOLDER
