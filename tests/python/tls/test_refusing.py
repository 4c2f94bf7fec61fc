"""What may be wrong with TLS: each fault is a sentence of its own on both sides, and at once."""

import contextlib
import importlib
import signal
import socket
import ssl
import subprocess
import sys

import pytest

from harness import impls
from harness.combos import only
from harness.waiting import Stopwatch, Worker

LIMIT = 2.0


@contextlib.contextmanager
def refused(kind, text):
    """The block raises an error with the text, in good time."""
    watch = Stopwatch()
    with pytest.raises(kind, match=text) as caught:
        yield caught
    assert watch.seconds < LIMIT


@pytest.fixture
def make_server(ours):
    """A function that makes a server for `sinew.serve`; nothing listens at it."""
    return importlib.import_module("sinew.serving").make_server


@pytest.fixture
def dial(ours, made):
    """A function that connects with certificates and asks the server for something."""

    def connect(port, *, shows=None, host="localhost", **options):
        if shows:
            options.update(keyfile=made.key(shows), certfile=made.path(shows))
        options.setdefault("ca_certs", made.path("authority"))
        conn = ours.ssl_connect(host, port, **options)
        with contextlib.closing(conn):
            return conn.root.add(1, 2)

    return connect


BAD_SERVERS = {
    "expired": ("certificate has expired", "alert certificate expired"),
    "elsewhere": (
        "host name mismatch, certificate is not valid for 'localhost'",
        "alert bad certificate",
    ),
    "self-signed": ("self-signed certificate", "alert unknown ca"),
    "stranger": ("unable to get local issuer certificate", "alert unknown ca"),
}


@pytest.mark.parametrize("name", BAD_SERVERS)
@pytest.mark.parametrize("kind", ["ThreadedServer", "ThreadPoolServer", "OneShotServer"])
def test_a_bad_certificate_of_the_server(local, authenticator, dial, name, kind):
    server = local(authenticator(name), kind)
    text, alert = BAD_SERVERS[name]
    with refused(ssl.SSLCertVerificationError, f"localhost:{server.port} failed: {text}$"):
        dial(server.port)
    server.log.wait_for(alert)


@only(client="ours", server="stock")
@pytest.mark.parametrize("name", BAD_SERVERS)
def test_a_bad_certificate_of_a_stock_server(serve, dial, made, name):
    server = serve("gates:gates", authenticator=f"tls:{name.replace('-', '_')}")
    with refused(ssl.SSLCertVerificationError, BAD_SERVERS[name][0]):
        dial(server.port)


def test_a_revoked_certificate_of_the_server(sinew, local, authenticator, made):
    server = local(authenticator("revoked"))
    place = f"tls://localhost:{server.port}"
    files = {"cafile": made.path("authority"), "crlfile": made.crl}
    with refused(ssl.SSLCertVerificationError, "certificate revoked"):
        sinew.connect(place, **files)
    server.log.wait_for("alert certificate revoked")
    with sinew.connect(f"tls://localhost:{local(authenticator()).port}", **files) as conn:
        assert conn.root.add(1, 2) == 3


BAD_CLIENTS = {
    None: ("alert certificate required", "peer did not return a certificate"),
    "expired": ("alert certificate expired", "certificate has expired"),
    "stranger": ("alert unknown ca", "unable to get local issuer certificate"),
    "self-signed": ("alert unknown ca", "self-signed certificate"),
    "revoked": ("alert certificate revoked", "certificate revoked"),
}


@pytest.mark.parametrize("name", BAD_CLIENTS)
@pytest.mark.parametrize("kind", ["ThreadedServer", "ThreadPoolServer"])
def test_a_bad_certificate_of_the_client(local, authenticator, dial, made, name, kind):
    server = local(authenticator(ca_certs=made.path("authority"), crlfile=made.crl), kind)
    alert, text = BAD_CLIENTS[name]
    with refused((EOFError, ssl.SSLError), alert):
        dial(server.port, shows=name)
    server.log.wait_for("rejecting connection: TLS handshake with ('127.0.0.1', ")
    server.log.wait_for(text)
    assert dial(server.port, shows="client") == 3


def test_the_host_name_need_not_be_checked_if_the_program_says_so(local, authenticator, dial):
    server = local(authenticator("elsewhere"))
    assert dial(server.port, check_hostname=False) == 3


def test_another_name_can_be_expected(sinew, local, authenticator, made):
    server = local(authenticator("elsewhere"))
    place, files = f"tls://localhost:{server.port}", {"cafile": made.path("authority")}
    with sinew.connect(place, server_name="elsewhere.example.org", **files) as conn:
        assert conn.root.add(1, 2) == 3


def test_old_versions(local, authenticator, dial, made):
    server = local(authenticator())
    with refused(ssl.SSLError, "alert protocol version"):
        dial(server.port, ssl_version=ssl.PROTOCOL_TLSv1_1, ciphers="ALL:@SECLEVEL=0")
    server.log.wait_for("unsupported protocol")
    old = local(authenticator(ssl_version=ssl.PROTOCOL_TLSv1_1, ciphers="ALL:@SECLEVEL=0"))
    with refused(ssl.SSLError, "alert protocol version|unsupported protocol"):
        dial(old.port)


# ---------------------------------------------------------------------------------------------
# No plaintext, neither instead nor afterwards


def test_a_tls_client_at_a_plain_server(local, dial):
    server = local()
    with refused(ssl.SSLError, "before the TLS handshake: it may not speak TLS"):
        dial(server.port)


def test_a_plain_client_at_a_tls_server(local, authenticator, ours):
    server = local(authenticator())
    with refused(EOFError, "the peer speaks TLS and this side does not: use tls:// or ssl_connect"):
        ours.connect("localhost", server.port).ping()
    server.log.wait_for("failed: the peer does not speak TLS")


@only(client="ours", server="stock")
def test_a_plain_client_at_a_stock_tls_server(serve, ours, made, client_config):
    server = serve("gates:gates", authenticator="tls:anybody")
    # It says nothing itself, and leaves with our bytes unread.
    with refused(EOFError, "the peer closed the stream without a word|reset by peer"):
        ours.connect("localhost", server.port, config=client_config).ping()


@only(client="stock", server="ours")
def test_a_plain_stock_client_at_a_tls_server(serve, rpyc, made):
    server = serve("gates:gates", authenticator="tls:anybody")
    with refused(EOFError, "connection closed by peer|reset by peer"):
        rpyc.connect("localhost", server.port).ping()


@only(client="ours", server="stock")
def test_a_tls_client_at_a_silent_plain_server_stops_waiting(serve, dial, made):
    server = serve("gates:gates")
    watch = Stopwatch()
    with pytest.raises(TimeoutError, match=r"in time \(3 s\); it may not speak TLS"):
        dial(server.port)
    assert watch.seconds < 5


def test_certificates_with_a_plain_address_are_a_mistake(sinew, make_server, made):
    with pytest.raises(ValueError, match="certificates need TLS: write tls://"):
        sinew.connect("tcp://localhost:1", cafile=made.path("authority"))
    with pytest.raises(ValueError, match="certificates need TLS"):
        sinew.connect("tcp://localhost:1", verify=False)
    with pytest.raises(ValueError, match="certfile: write tls://"):
        make_server(object(), "tcp://127.0.0.1:0", certfile=made.path("server"))
    with pytest.raises(ValueError, match="needs a certificate"):
        make_server(object(), "tls://127.0.0.1:0")


# ---------------------------------------------------------------------------------------------
# The handshake


@pytest.fixture
def strangers(request):
    """A function that connects a plain socket and leaves it open."""

    def connect(port, data=b""):
        sock = socket.create_connection(("127.0.0.1", port))
        request.addfinalizer(sock.close)
        sock.sendall(data)
        return sock

    return connect


def client_hello():
    """Return the first bytes of a real handshake."""
    hello, nothing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(
        nothing, hello, server_hostname="localhost"
    )
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return hello.read()


@pytest.mark.parametrize("length", [5, None])
@pytest.mark.parametrize("kind", ["ThreadedServer", "ThreadPoolServer"])
def test_who_stops_in_the_middle_holds_up_nobody_and_is_dropped(
    local, authenticator, dial, strangers, length, kind
):
    few = {"nbThreads": 2} if kind == "ThreadPoolServer" else {}
    server = local(authenticator(handshake_timeout=2.0), kind, **few)
    silent = [strangers(server.port, client_hello()[:length]) for _ in range(5)]
    watch = Stopwatch()
    assert dial(server.port) == 3
    assert watch.seconds < 1.8, "the handshakes of others were waited for"
    server.log.wait_for("the peer did not answer in time (2 s)")
    for sock in silent:
        sock.settimeout(5)
        while sock.recv(65536):
            pass  # its hello may have been answered


def test_a_handshake_that_is_cut(local, authenticator, dial, strangers):
    server = local(authenticator())
    strangers(server.port, client_hello()[:50]).close()
    server.log.wait_for("the peer closed the connection during the TLS handshake")
    strangers(server.port).close()
    server.log.wait_for("the peer closed the connection before the TLS handshake")
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def cut():
            sock = listener.accept()[0]
            sock.recv(10)
            sock.sendall(b"\x16\x03\x03")
            sock.close()

        worker = Worker(cut)
        with refused(ssl.SSLError, "during the TLS handshake"):
            dial(listener.getsockname()[1])
        worker.result()


def test_a_slow_handshake_is_patiently_served(local, authenticator, dial, made):
    """One byte at a time, both ways, through a relay."""
    server = local(authenticator())
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def relay(source, sink):
            with contextlib.suppress(OSError):
                while byte := source.recv(1):
                    sink.sendall(byte)
                sink.shutdown(socket.SHUT_WR)

        def accept():
            near = listener.accept()[0]
            far = socket.create_connection(("127.0.0.1", server.port))
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = Worker(relay, far, near)
            relay(near, far)
            back.result()

        worker = Worker(accept)
        assert dial(listener.getsockname()[1]) == 3
        worker.result()


def s_client(port, version, typed):
    """Return what OpenSSL's own client prints until the line that is typed into it is refused."""
    process = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seen = ""
    try:
        for line in process.stdout:
            seen += line
            if "Verify return code" in line or "Extended master secret" in line:
                break
        process.stdin.write(typed)
        process.stdin.flush()
        for line in process.stdout:
            seen += line
            if "error" in line:
                break
        return seen
    finally:
        process.kill()
        process.communicate()


def test_renegotiation_is_refused(local, authenticator, dial):
    server = local(authenticator())
    watch = Stopwatch()
    assert "no renegotiation" in s_client(server.port, "-tls1_2", "R\n")
    assert watch.seconds < LIMIT
    assert dial(server.port) == 3


# ---------------------------------------------------------------------------------------------
# The end


def test_a_connection_that_is_cut_is_told_from_one_that_is_closed(
    sinew, local, authenticator, made
):
    server = local(authenticator())
    place, files = f"tls://localhost:{server.port}", {"cafile": made.path("authority")}
    conn = sinew.connect(place, **files)
    assert conn.root.add(1, 2) == 3
    for sock in list(server.clients):
        sock.shutdown(socket.SHUT_RDWR)  # under TLS, which has no say
    with refused(EOFError, "without a farewell"):
        conn.ping()
    conn = sinew.connect(place, **files)
    assert conn.root.add(1, 2) == 3
    server.close()
    with refused(EOFError, "closed") as ended:
        conn.ping()
    assert "farewell" not in str(ended.value)


def test_closing_leaves_no_error_behind(sinew, local, authenticator, made):
    server = local(authenticator())
    conn = sinew.connect(f"tls://localhost:{server.port}", cafile=made.path("authority"))
    assert conn.root.add(1, 2) == 3
    conn.close()
    assert conn.close_reason == "closed by this side"
    server.log.wait_for("goodbye")
    assert not [line for line in server.log.lines if "abruptly" in line]


# ---------------------------------------------------------------------------------------------
# Files


def test_files_are_read_again_when_they_change(ours, local, made, dial, tmp_path):
    def install(name):
        for kind in ("pem", "key"):
            (tmp_path / f"x.{kind}").write_bytes((made.folder / f"{name}.{kind}").read_bytes())

    install("expired")
    server = local(
        impls.submodule(ours, "utils.authenticators").SSLAuthenticator(
            tmp_path / "x.key", tmp_path / "x.pem"
        )
    )
    with refused(ssl.SSLError, "expired"):
        dial(server.port)
    install("server")
    assert dial(server.port) == 3


def test_a_missing_file_is_named(sinew, make_server, made):
    with pytest.raises(OSError, match=r"CA file '/nowhere/ca.pem': No such file"):
        sinew.connect("tls://localhost:1", cafile="/nowhere/ca.pem")
    with pytest.raises(OSError, match=r"certificate file '/nowhere/it.pem': No such file"):
        make_server(object(), "tls://127.0.0.1:0", certfile="/nowhere/it.pem")
    with pytest.raises(OSError, match="key values mismatch"):
        make_server(
            object(), "tls://127.0.0.1:0", certfile=made.path("server"), keyfile=made.key("client")
        )


# ---------------------------------------------------------------------------------------------
# Ctrl-C


def test_an_interrupt_ends_the_wait_for_a_handshake(ours):
    program = "import sys, sinew; sinew.connect(sys.argv[1], timeout=None)"
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        process = subprocess.Popen(
            [sys.executable, "-c", program, f"tls://127.0.0.1:{listener.getsockname()[1]}"],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            client = listener.accept()[0]
            assert client.recv(1) == b"\x16"  # it waits for the answer to its hello
            watch = Stopwatch()
            process.send_signal(signal.SIGINT)
            assert "KeyboardInterrupt" in process.communicate(timeout=5)[1]
            assert watch.seconds < 1
            client.close()
        finally:
            process.kill()
            process.communicate()
