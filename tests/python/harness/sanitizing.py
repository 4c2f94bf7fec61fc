"""What differs when the tests run with a sanitizer's runtime in every process (`./dev asan`)."""

import os

import pytest

UNDER_SANITIZER = "SINEW_SANITIZER" in os.environ

weighs = pytest.mark.skipif(UNDER_SANITIZER, reason="weighs memory, of which a sanitizer has most")

wants_signals_at_once = pytest.mark.skipif(
    os.environ.get("SINEW_SANITIZER") == "tsan",
    reason="it holds a signal back until the thread that got it leaves its system call",
)


def tell_of_switched_stacks(monkeypatch):
    """Have the processes that a test starts not take a greenlet's stack for one of the past."""
    if "ASAN_OPTIONS" in os.environ:
        options = os.environ["ASAN_OPTIONS"] + ":detect_stack_use_after_return=0"
        monkeypatch.setenv("ASAN_OPTIONS", options)
