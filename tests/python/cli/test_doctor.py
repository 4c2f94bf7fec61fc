"""`sinew doctor`: how far it gets, and what to do."""

import json
import socket
import threading

import pytest

from harness.combos import only

pytestmark = only(client="ours")


@pytest.fixture
def checks(sinew):
    """A function that examines an address; returns {check: row}, and the exit code as "code"."""

    def run(*arguments):
        done = sinew("doctor", *arguments, "--json")
        assert done.stderr == ""
        found = json.loads(done.stdout)
        assert found["ok"] == (done.returncode == 0)
        return {**{row["check"]: row for row in found["checks"]}, "code": done.returncode}

    return run


@pytest.fixture
def tls_uri(made, serve):
    """A function that starts a TLS server; returns where it listens."""

    def start(authenticator):
        server = serve("commands:lab", authenticator=f"tls:{authenticator}")
        return f"tls://127.0.0.1:{server.port}"

    return start


def test_a_good_server(checks, serve, combo, stock_version):
    found = checks(f"127.0.0.1:{serve('commands:lab').port}")
    assert found["code"] == 0
    assert list(found) == ["name", "reach", "protocol", "server", "round trip", "code"]
    assert "LabService" in found["server"]["found"]
    version = stock_version if combo.server == "stock" else "6.0.2"
    assert version in found["server"]["found"]
    assert ("Sinew" in found["server"]["found"]) == (combo.server == "ours")
    older = combo.server == "stock" and stock_version[0] == "5"
    assert ("4.1 to 5.3" in found["protocol"]["found"]) == older
    assert found["round trip"]["found"].startswith("min ")


def test_a_classic_server(checks, classic_uri):
    assert "a classic server on Python 3." in checks(classic_uri)["server"]["found"]


def test_a_cpp_server(checks, cpp_uri):
    assert "Sinew" in checks(cpp_uri)["server"]["found"]


def test_text_for_people(said, cpp_uri):
    lines = said("doctor", cpp_uri).splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [
        ["ok", w] for w in ("name", "reach", "protocol")
    ]


def test_an_unknown_name(checks):
    found = checks("no-such-host.invalid")
    assert found["code"] == 1
    assert not found["name"]["ok"]
    assert "spelling" in found["name"]["advice"]
    assert "reach" not in found


def test_a_port_nobody_listens_at(checks, free_port):
    found = checks(f"127.0.0.1:{free_port}")
    assert found["name"]["ok"]
    assert not found["reach"]["ok"]
    assert f"--port {free_port}" in found["reach"]["advice"]


def test_a_unix_socket(checks, tmp_path, serve):
    path = tmp_path / "lab.sock"
    assert "not running" in checks(f"unix://{path}")["file"]["advice"]
    path.write_text("")
    assert "not a socket" in checks(f"unix://{path}")["file"]["found"]
    path.unlink()
    serve("commands:lab", fresh=True, socket_path=path)
    assert checks(f"unix://{path}")["code"] == 0


@pytest.fixture
def silent():
    """A server that accepts and says nothing; returns its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def web():
    """A server that answers whatever comes as a web server does; returns its port."""

    def serve(listener):
        try:
            while True:
                with listener.accept()[0] as sock:
                    sock.recv(1000)
                    sock.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@only(server="ours")
def test_somebody_who_does_not_answer(checks, silent):
    found = checks(f"127.0.0.1:{silent}", "--timeout", "0.3")
    assert found["reach"]["ok"]
    assert "tls://" in found["protocol"]["advice"]


@only(server="ours")
def test_another_kind_of_server(checks, web):
    found = checks(f"127.0.0.1:{web}", "--timeout", "5")
    assert not found["protocol"]["ok"]
    assert found["protocol"]["advice"]


def test_tls(checks, tls_uri, made):
    found = checks(tls_uri("anybody"), "--cafile", made.path("authority"))
    assert found["code"] == 0
    assert found["tls"]["found"].startswith("TLSv1.3, ")
    assert "localhost, 127.0.0.1" in found["certificate"]["found"]
    assert "Jan  1 00:00:00 2098 GMT" in found["certificate"]["found"]


@pytest.mark.parametrize(
    ("server", "problem", "advice"),
    [
        ("expired", "expired", "renewed"),
        ("elsewhere", "mismatch", "elsewhere.example.org"),
        ("stranger", "certificate", "--cafile"),
        ("self_signed", "self-signed", "--cafile"),
    ],
)
def test_a_certificate_that_is_not_believed(checks, tls_uri, made, server, problem, advice):
    found = checks(tls_uri(server), "--cafile", made.path("authority"))
    assert found["code"] == 1
    assert problem in found["tls"]["found"]
    assert advice in found["tls"]["advice"]
    assert "for " in found["certificate"]["found"]
    assert "protocol" not in found


def test_a_server_that_wants_a_certificate(checks, tls_uri, made):
    uri, ca = tls_uri("known"), made.path("authority")
    found = checks(uri, "--cafile", ca)
    assert found["code"] == 1
    shown = ["--certfile", made.path("client"), "--keyfile", made.key("client")]
    assert checks(uri, "--cafile", ca, *shown)["code"] == 0


def test_tls_where_there_is_none(checks, serve, made):
    uri = f"tls://127.0.0.1:{serve('commands:lab').port}"
    found = checks(uri, "--cafile", made.path("authority"), "--timeout", "0.5")
    assert found["code"] == 1
    assert "tcp://" in found["tls"]["advice"]


def test_other_commands_over_tls(said, complaint, tls_uri, made):
    uri = tls_uri("anybody")
    assert said("call", uri, "add", 1, 2, "--cafile", made.path("authority")) == "3\n"
    assert said("call", uri, "add", 1, 2, "--insecure") == "3\n"
    assert "certificate" in complaint(3, "call", uri, "add", 1, "--cafile", made.path("other"))
