"""Objects of ours in answers: the peer may give them back before anybody looks at the answer."""

import contextlib
import threading

import pytest

from harness.combos import with_pure
from harness.waiting import Worker

pytestmark = with_pure

SERVICE = "lifetime:tracker"


class Mine:
    """A local object that is sent as a reference."""


@pytest.fixture
def conn(connect):
    return connect(SERVICE, fresh=True)


@contextlib.contextmanager
def somebody_else_reading(conn):
    """Have another thread serve the connection meanwhile."""
    enough = threading.Event()

    def read():
        while not enough.is_set():
            conn.serve(0.05)

    reader = Worker(read)
    try:
        yield
    finally:
        enough.set()
        conn.ping()
        reader.result(10)


def test_they_are_found_inside_of_tuples_however_late_that_is(conn, rpyc):
    echo = conn.root.echo
    sent = [(1, (Mine(), "x"), Mine()) for _ in range(20)]
    results = [rpyc.async_(echo)(thing) for thing in sent]
    for _ in range(2):
        conn.ping()  # behind which the server has given back what it was sent
    assert [result.value for result in results] == sent


def test_they_are_found_when_another_thread_reads(conn):
    echo = conn.root.echo
    with somebody_else_reading(conn):
        for _ in range(60):
            mine = Mine()
            assert echo(mine) is mine
