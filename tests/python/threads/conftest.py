"""Connections to the service of gates."""

import itertools
import os

import pytest

_COUNT = itertools.count()


@pytest.fixture
def gate():
    """A gate name nobody used before."""
    return f"gate-{os.getpid()}-{next(_COUNT)}"


@pytest.fixture
def conn(connect):
    """The connection under test."""
    return connect("gates:gates")


@pytest.fixture
def helper(connect, gate):
    """The root of another connection, which opens gates; the test's gate opens at the end."""
    root = connect("gates:gates").root
    yield root
    root.open(gate)
