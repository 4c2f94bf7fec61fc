"""A connection to the service of failures."""

import pytest


@pytest.fixture
def failing(connect):
    """The root of the service that raises what it is asked for."""
    return connect("failures:failures").root
