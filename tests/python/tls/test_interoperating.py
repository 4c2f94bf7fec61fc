"""TLS between every pair of implementations: the same programs, the same certificates."""

import ast
import ssl
import warnings

import pytest

from harness.combos import only
from harness.waiting import Worker

KINDS = ("ThreadedServer", "ThreadPoolServer", "OneShotServer")


@pytest.fixture
def dial(made, rpyc, client_config, request):
    """A function that connects over TLS to a server process."""

    def connect(server, *, shows=None, host="localhost", **options):
        if shows:
            options.update(keyfile=made.key(shows), certfile=made.path(shows))
        options.setdefault("ca_certs", made.path("authority"))
        options.setdefault("config", client_config)
        conn = rpyc.ssl_connect(host, server.port, **options)
        request.addfinalizer(conn.close)
        return conn

    return connect


@pytest.fixture
def tls_server(made, serve):
    """A function that starts a server with an authenticator of `peers.tls`."""

    def start(authenticator="anybody", server="ThreadedServer"):
        fresh = server == "OneShotServer"
        return serve(
            "tls:visitors", server=server, authenticator=f"tls:{authenticator}", fresh=fresh
        )

    return start


@pytest.mark.parametrize("kind", KINDS)
def test_calls_callbacks_and_large_data_pass(tls_server, dial, kind):
    conn = dial(tls_server(server=kind))
    assert conn.root.double("ab") == "abab"
    data = bytes(range(256)) * 16384  # 4 MB, many records
    assert conn.root.double(data) == data * 2
    assert conn.root.call(lambda x: conn.root.double(x) + "!", "ab") == "abab!"


def test_without_a_certificate_there_are_no_credentials(tls_server, dial):
    conn = dial(tls_server())
    assert conn.root.credentials() == "None"


@pytest.mark.parametrize("kind", KINDS)
def test_the_credentials_are_the_clients_certificate(tls_server, dial, made, kind):
    conn = dial(tls_server("known", kind), shows="client")
    expected = ssl._ssl._test_decode_cert(made.path("client"))
    assert ast.literal_eval(conn.root.credentials()) == expected
    version, cipher, shown = conn.root.socket()
    assert version == "TLSv1.3"
    assert cipher.startswith("TLS_")
    assert ast.literal_eval(shown) == expected


def test_both_ends_see_the_certificate_of_the_other(tls_server, dial, made):
    conn = dial(tls_server("known"), shows="client")
    sock = conn._channel.stream.sock
    assert sock.getpeercert() == ssl._ssl._test_decode_cert(made.path("server"))
    with open(made.path("server")) as file:
        assert ssl.DER_cert_to_PEM_cert(sock.getpeercert(True)) == file.read()
    assert sock.version() == "TLSv1.3"


@pytest.mark.filterwarnings("ignore:the certificate of")
def test_without_authorities_nothing_is_verified(tls_server, dial):
    conn = dial(tls_server("stranger"), ca_certs=None)
    assert conn.root.double(1) == 2
    assert conn._channel.stream.sock.getpeercert() == {}


def test_an_older_version_can_be_asked_for(tls_server, dial):
    conn = dial(tls_server(), ssl_version=ssl.PROTOCOL_TLSv1_2, ciphers="ECDHE+AESGCM")
    assert conn._channel.stream.sock.version() == "TLSv1.2"
    assert conn.root.double(2) == 4


def test_classic_mode(made, rpyc, serve, client_config):
    server = serve("classic:slave", authenticator="tls:known")
    if client_config:
        pytest.skip("classic.ssl_connect takes no config, and the peer speaks the older family")
    conn = rpyc.classic.ssl_connect(
        "localhost",
        server.port,
        keyfile=made.key("client"),
        certfile=made.path("client"),
        ca_certs=made.path("authority"),
    )
    try:
        assert conn.modules.os.getpid() == server.pid
        conn.execute("x = list(range(1000))")
        assert sum(conn.namespace["x"]) == 499500
    finally:
        conn.close()


@pytest.mark.parametrize("kind", ["ThreadedServer", "ThreadPoolServer"])
def test_threads_share_a_connection(tls_server, dial, kind):
    conn = dial(tls_server(server=kind))
    double = conn.root.double

    def work(number):
        text = f"{number}" * (1 + number * 5000)
        return all(double(text) == text * 2 for _ in range(20))

    workers = [Worker(work, number) for number in range(4)]
    assert all(worker.result() for worker in workers)


@only(client="ours", server="ours")
def test_that_nothing_is_verified_is_said_unless_it_was_asked_for(tls_server, dial):
    server = tls_server("stranger")
    with pytest.warns(UserWarning, match=f"certificate of localhost:{server.port} is not verified"):
        dial(server, ca_certs=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dial(server, ca_certs=None, cert_reqs=ssl.CERT_NONE)
