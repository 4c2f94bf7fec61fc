"""Row S27: what peers say does not reach a terminal as anything but text, and not without end."""

import importlib
import io
import logging
import socket
import subprocess
import sys

import pytest

from harness.logs import Log
from harness.waiting import eventually

EVIL = "\x1b[2J\x1b]0;owned\x07\r\x9b31m\u202e\0"


@pytest.fixture
def quiet_log(sinew):
    return importlib.import_module("sinew.rpyc.lib.quiet_log")


@pytest.fixture
def written(quiet_log):
    """A function that logs a text as the programs do, and returns what was written."""

    def write(text, *args, **options):
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(quiet_log.PlainFormatter("%(levelname)s: %(message)s"))
        logger = logging.Logger("test")
        logger.addHandler(handler)
        logger.warning(text, *args, **options)
        return stream.getvalue()

    return write


def test_control_characters_are_escaped(written):
    text = written("%s", EVIL)
    assert text.rstrip("\n").isprintable()
    assert "\\x1b[2J" in text


def test_a_line_of_a_peer_does_not_look_like_an_entry(written):
    lines = written("%s", "x\nWARNING: all is well\n\rWARNING: really").splitlines()
    assert [line for line in lines if line.startswith("WARNING")] == ["WARNING: x"]


def test_a_traceback_with_a_peers_text_is_escaped(written):
    try:
        raise ValueError(EVIL)
    except ValueError:
        text = written("failed", exc_info=True)
    assert "ValueError" in text
    assert text.replace("\n", "").isprintable()


def test_long_entries_are_cut(written, quiet_log):
    assert len(written("%s", "x" * 1_000_000)) < quiet_log.MOST + 100


def test_one_entry_a_second_for_each_source(quiet_log):
    now = [0.0]
    once = quiet_log.Once(clock=lambda: now[0])
    through = 0
    for _ in range(10_000):
        through += once("here") is not None
        now[0] += 0.001
    assert 10 <= through <= 11
    assert once("there") == 0
    now[0] += 1
    assert once("here") > 900
    for source in range(10_000):
        once(source)
    assert len(once._last) <= once.MOST_SOURCES


def test_a_flood_of_refused_clients_is_a_line_a_second(sinew):
    serving = importlib.import_module("sinew.serving")

    class Thing:
        @sinew.expose
        def f(self):
            return 1

    log = Log()
    logger = logging.Logger("flood", logging.WARNING)
    logger.addHandler(log)
    config = {"max_connections_per_source": 0}
    server = serving.make_server(
        Thing(), "tcp://127.0.0.1:0", protocol_config=config, logger=logger
    )
    server._start_in_thread()
    try:
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
                assert sock.recv(1) == b""
        eventually(lambda: log.lines)
        assert len(log.lines) <= 3
    finally:
        server.close()


def test_the_programs_log_what_peers_say_as_text(sinew, tmp_path):
    program = (
        "import sinew.rpyc as r, logging\n"
        "logger = r.lib.setup_logger()\n"
        "class S(r.Service):\n def exposed_fail(self, text): raise ValueError(text)\n"
        "s = r.ThreadedServer(S, 'localhost', logger=logger)\n"
        "s._start_in_thread()\n"
        "c = r.connect('localhost', s.port)\n"
        f"try: c.root.fail({EVIL!r} + '\\nNov 21 00:00:00 INFO: all is well')\n"
        "except ValueError: pass\n"
        "c.close(); s.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, timeout=20, check=True
    )
    text = done.stderr.decode()
    assert "ValueError" in text
    assert text.replace("\n", "").isprintable()
    assert not any(line.startswith("Nov 21 00:00:00") for line in text.splitlines())
