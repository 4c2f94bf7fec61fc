"""The module `peers.netrefs` of the server, as a netref and as a local module."""

import pytest

import peers.netrefs  # noqa: F401 - a module that both sides have: stock looks for classes there


@pytest.fixture
def remote(classic):
    """The server's module of sample objects."""
    return classic.modules["peers.netrefs"]
