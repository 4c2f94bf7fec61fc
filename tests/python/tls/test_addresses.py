"""`tls://` addresses: serving and connecting with certificates, in a program and from a shell."""

import contextlib
import importlib
import re
import signal
import socket
import ssl
import subprocess
import sys

import pytest

from harness.waiting import eventually

PROGRAM = """
import sinew

class Calculator:
    @sinew.expose
    def add(self, a, b):
        return a + b
"""


@pytest.fixture
def serve_at(sinew):
    """A function that serves a calculator at an address, and returns the address to connect to."""
    namespace = {}
    exec(PROGRAM, namespace)
    make_server = importlib.import_module("sinew.serving").make_server
    with contextlib.ExitStack() as started:

        def serve(uri, **options):
            server = make_server(namespace["Calculator"](), uri, **options)
            started.callback(server.close)
            server._start_in_thread()
            return f"tls://localhost:{server.port}"

        yield serve


def test_an_object_is_served_with_a_certificate(sinew, serve_at, made):
    place = serve_at("tls://127.0.0.1:0", certfile=made.path("server"), keyfile=made.key("server"))
    with sinew.connect(place, cafile=made.path("authority")) as conn:
        assert conn.root.add(1, 2) == 3
    with pytest.raises(ssl.SSLCertVerificationError, match=r"self-signed|local issuer"):
        sinew.connect(place)  # the system does not know who signed it
    with sinew.connect(place, verify=False) as conn:
        assert conn.root.add(1, 2) == 3


def test_with_a_cafile_only_who_shows_a_certificate_is_served(sinew, serve_at, made):
    place = serve_at(
        "tls://127.0.0.1:0",
        certfile=made.path("server"),
        keyfile=made.key("server"),
        cafile=made.path("authority"),
        crlfile=made.crl,
    )
    known = {"cafile": made.path("authority")}

    def shows(name):
        return {**known, "certfile": made.path(name), "keyfile": made.key(name)}

    with sinew.connect(place, **shows("client")) as conn:
        assert conn.root.add(1, 2) == 3
    for options, alert in (
        (known, "certificate required"),
        (shows("stranger"), "unknown ca"),
        (shows("revoked"), "certificate revoked"),
    ):
        with sinew.connect(place, **options) as conn, pytest.raises(EOFError, match=alert):
            conn.root.add(1, 2)


def test_certificate_and_key_may_be_one_file(sinew, serve_at, made, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(p.read_bytes() for p in made.folder.glob("server.[pk]e[my]")))
    place = serve_at("tls://127.0.0.1:0", certfile=both)
    with sinew.connect(place, cafile=made.path("authority")) as conn:
        assert conn.root.add(1, 2) == 3


def dial(sinew, place, made):
    """Connect to a program that is about to listen."""

    def attempt():
        with contextlib.suppress(ConnectionRefusedError):
            return sinew.connect(place, cafile=made.path("authority"))

    return eventually(attempt)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_the_program_serves_over_tls(sinew, made, tmp_path):
    (tmp_path / "lab.py").write_text(PROGRAM + "calculator = Calculator()\n")
    files = ["--certfile", made.path("server"), "--keyfile", made.key("server")]
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sinew",
            "serve",
            "lab:calculator",
            f"tls://127.0.0.1:{port}",
            *files,
        ],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert re.match("serving lab:calculator at tls://", process.stderr.readline())
        with dial(sinew, f"tls://localhost:{port}", made) as conn:
            assert conn.root.add(1, 2) == 3
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()
