"""Hosts and Pythons that have nothing of Sinew."""

import pytest

from harness import pythons, sshd
from harness.presence import require


def pytest_generate_tests(metafunc):
    """Run a test that takes `python` with each one that is found here."""
    if "python" in metafunc.fixturenames:
        found = pythons.suitable()
        metafunc.parametrize("python", list(found.values()), ids=map(pythons.name, found))


@pytest.fixture(scope="session")
def sshd_server(tmp_path_factory):
    """A private sshd on loopback."""
    sshd.require()
    server = sshd.Sshd(tmp_path_factory.mktemp("sshd"))
    yield server
    server.stop()


@pytest.fixture
def old_python():
    """A Python that is too old for the pure peer."""
    found = pythons.too_old()
    if not found:
        pytest.skip("every Python here is new enough")
    return list(found.values())[-1]


@pytest.fixture
def sinew():
    """The package, which has to be there."""
    require("ours")
    import sinew  # noqa: PLC0415

    return sinew
