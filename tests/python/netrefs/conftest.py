"""The module `peers.netrefs` of the server, as a netref and as a local module."""

import pytest


@pytest.fixture
def remote(classic):
    """The server's module of sample objects."""
    return classic.modules["peers.netrefs"]
