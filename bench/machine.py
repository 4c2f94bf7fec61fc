"""What the figures were measured on, in words that do not change from day to day."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from subjects import STOCK_VERSION


def describe_machine(compiler: str) -> dict[str, str]:
    """Return the facts by name; `compiler` is the C compiler of the floor."""
    return {
        "CPUs": f"{len(os.sched_getaffinity(0))} x {_cpu_model()}",
        "kernel": platform.release(),
        "Python": f"{platform.python_version()}, {platform.python_compiler()}",
        "compiler": _first_line([compiler, "--version"]),
        "C library": " ".join(platform.libc_ver()),
        "stock": f"rpyc {STOCK_VERSION}",
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _first_line(command: list[str]) -> str:
    try:
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return command[0]
    return found.splitlines()[0] if found else command[0]
