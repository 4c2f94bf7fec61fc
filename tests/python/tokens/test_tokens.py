"""Tokens: who knows it is served, who does not is told so in one sentence, within two seconds."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import wire
from harness.waiting import eventually
from peers.tokens import TOKEN

WRONG = "incorrect horse battery staple"


@pytest.fixture
def quickly():
    """What is said is said within two seconds."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 2


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_who_knows_the_token_is_served(sinew, serve, tmp_path, kind):
    uri = "tcp://127.0.0.1:0" if kind == "tcp" else f"unix://{tmp_path}/socket"
    server = serve(uri, token=TOKEN)
    with sinew.connect(server.place, token=TOKEN) as conn:
        assert conn.root.add(1, 2) == 3
        assert eventually(lambda: conn.extensions)  # the rest is as without


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("wrong", [WRONG, TOKEN + "r", TOKEN[:-1], TOKEN.upper()])
def test_a_wrong_token_is_refused(sinew, serve, wrong):
    server = serve(token=TOKEN)
    with pytest.raises(PermissionError, match=re.escape(server.place) + ".*the token is wrong"):
        sinew.connect(server.place, token=wrong)
    server.log.wait_for("the token is wrong")
    with sinew.connect(server.place, token=TOKEN) as conn:
        assert conn.root.add(1, 2) == 3


@pytest.mark.usefixtures("quickly")
def test_a_client_without_a_token_is_told(sinew, serve):
    server = serve(token=TOKEN)
    sentence = "the server wants a token: connect with token="
    with sinew.connect(server.place) as conn, pytest.raises(EOFError, match=sentence):
        conn.root.add(1, 2)
    server.log.wait_for("this server wants a token")


@pytest.mark.usefixtures("quickly")
def test_a_client_with_a_token_is_told_that_the_server_takes_none(sinew, serve):
    server = serve()
    with pytest.raises(PermissionError, match=r"does not take tokens.*token=False"):
        sinew.connect(server.place, token=TOKEN)


@pytest.mark.usefixtures("quickly")
def test_a_stock_client_is_closed_and_the_log_says_why(stock, serve):
    server = serve(token=TOKEN)
    conn = stock.connect("127.0.0.1", server.port)
    with pytest.raises(EOFError):
        _ = conn.root
    server.log.wait_for("this server wants a token")


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("service", ["gates:gates", "classic:slave"])
def test_a_stock_server_is_recognised(sinew, servers, service, stock_version):
    place = f"tcp://127.0.0.1:{servers.get(f'stock-{stock_version}', service).port}"
    config = {"wire_family": "B"} if stock_version.startswith("5") else {}
    with pytest.raises(PermissionError, match="does not take tokens"):
        sinew.connect(place, token=TOKEN)
    with sinew.connect(place, token=False, config=config) as conn:
        assert conn.root is not None


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("hello", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400\r\n\r\n", b""])
def test_a_server_of_another_kind_is_recognised(sinew, hello):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def answer():
            with listener.accept()[0] as sock:
                sock.recv(100)
                sock.sendall(hello)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(PermissionError, match="does not take tokens"):
            sinew.connect(f"tcp://127.0.0.1:{listener.getsockname()[1]}", token=TOKEN)
        thread.join()


def test_a_silent_server_is_given_up(sinew):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(TimeoutError, match="did not answer when it was offered a token"):
            sinew.connect(place, token=TOKEN, timeout=0.2)


def test_inside_of_tls(sinew, serve, made):
    server = serve(
        "tls://127.0.0.1:0", token=TOKEN, certfile=made.path("server"), keyfile=made.key("server")
    )
    place, known = f"tls://localhost:{server.port}", {"cafile": made.path("authority")}
    with sinew.connect(place, token=TOKEN, **known) as conn:
        assert conn.root.add(1, 2) == 3
    with pytest.raises(PermissionError, match="the token is wrong"):
        sinew.connect(place, token=WRONG, **known)
    with sinew.connect(place, **known) as conn, pytest.raises(EOFError, match="wants a token"):
        conn.root.add(1, 2)


@pytest.mark.parametrize(
    "kind", ["ThreadedServer", "ThreadPoolServer", "OneShotServer", "ForkingServer"]
)
def test_every_kind_of_server_takes_the_authenticator(sinew, kind, servers):
    server = servers.fresh("ours", "gates:gates", server=kind, authenticator="tokens:authenticator")
    with sinew.connect(f"tcp://127.0.0.1:{server.port}", token=TOKEN) as conn:
        assert conn.root.add(1, 2) == 3


def test_a_silent_client_is_given_up(serve):
    server = serve(token=TOKEN, handshake_timeout=0.2)
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        assert sock.recv(1) == b""  # nothing is told to who says nothing
    server.log.wait_for("nothing was said within 0.2 s")


def test_a_slow_client_has_no_more_time_than_a_silent_one(serve):
    server = serve(token=TOKEN, handshake_timeout=0.5)
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        sock.settimeout(0.1)
        for byte in hello(bytes(32)):
            try:
                sock.sendall(bytes((byte,)))
                if sock.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert time.monotonic() - start < 2
    server.log.wait_for("no token within handshake_timeout")


# Bytes, written by hand.


def hello(nonce):
    return bytes.fromhex("0000002d00") + b"SINEW-TOKEN 1" + nonce + b"\n"


def exchange(port, nonce, show):
    """Do the client's part; `show` makes the proof of the server's nonce. Return the answer."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(hello(nonce))
        challenge = sock.recv(46, socket.MSG_WAITALL)
        assert challenge[:13] == b"SINEW-TOKEN 1"
        assert challenge[-1:] == b"\n"
        sock.sendall(show(challenge[13:-1]))
        return sock.recv(200, socket.MSG_WAITALL)


def test_the_vector_of_the_document(tokens):
    text = (pathlib.Path(__file__).parents[3] / "docs/protocols/tokens.md").read_text()
    ours, theirs = bytes(range(32)), bytes(range(32, 64))
    for role in ("client", "server"):
        (written,) = re.findall(rf"P\({role}\)   ([0-9a-f]{{64}})", text)
        assert tokens.proof(TOKEN.encode(), role, ours, theirs).hex() == written


def test_the_bytes_are_those_of_the_document(tokens, serve):
    server, nonce, seen = serve(token=TOKEN), os.urandom(32), []

    def show(theirs):
        seen.append(theirs)
        return tokens.proof(TOKEN.encode(), "client", nonce, theirs)

    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        sock.sendall(hello(nonce))
        challenge = sock.recv(46, socket.MSG_WAITALL)
        sock.sendall(show(challenge[13:-1]))
        answer = sock.recv(46, socket.MSG_WAITALL)
        shown = tokens.proof(TOKEN.encode(), "server", nonce, seen[0])
        assert answer == b"SINEW-TOKEN 1" + shown + b"\n"
        raw = wire.Raw.over(sock)
        assert raw.ask(0, wire.PING, wire.boxed("x")) == (wire.REPLY, 0, (wire.VALUE, "x"))


def test_a_replayed_proof_is_refused(tokens, serve):
    server, nonce, old = serve(token=TOKEN), bytes(32), []

    def honest(theirs):
        old.append(tokens.proof(TOKEN.encode(), "client", nonce, theirs))
        return old[0]

    # Closed at once so that recv() does not wait for more.
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        sock.sendall(hello(nonce))
        sock.sendall(honest(sock.recv(46, socket.MSG_WAITALL)[13:-1]))
        assert sock.recv(46, socket.MSG_WAITALL)[:13] == b"SINEW-TOKEN 1"
    answer = exchange(server.port, nonce, lambda _: old[0])
    assert answer == b"SINEW-REFUSED the token is wrong\n"


def test_the_servers_own_words_are_no_proof(tokens, serve):
    """Reflection: what the other role would say, and the nonces themselves."""
    server, nonce = serve(token=TOKEN), os.urandom(32)
    key = TOKEN.encode()
    for show in (
        lambda theirs: tokens.proof(key, "server", nonce, theirs),
        lambda theirs: tokens.proof(key, "client", theirs, nonce),
        lambda theirs: theirs,
        lambda _: nonce,
        lambda _: bytes(32),
    ):
        assert exchange(server.port, nonce, show) == b"SINEW-REFUSED the token is wrong\n"


@pytest.mark.parametrize("echoes", [True, False])
def test_a_server_that_does_not_know_the_token_is_found_out(sinew, tokens, echoes):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def play():
            with listener.accept()[0] as sock:
                nonce = sock.recv(51, socket.MSG_WAITALL)[18:50]
                sock.sendall(b"SINEW-TOKEN 1" + nonce + b"\n")  # the client's own nonce
                shown = sock.recv(32, socket.MSG_WAITALL)
                sock.sendall(b"SINEW-TOKEN 1" + (shown if echoes else bytes(32)) + b"\n")

        thread = threading.Thread(target=play)
        thread.start()
        with pytest.raises(PermissionError, match="does not know the token"):
            sinew.connect(f"tcp://127.0.0.1:{listener.getsockname()[1]}", token=TOKEN)
        thread.join()


def test_the_words_of_a_server_do_not_reach_the_terminal(sinew):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def play():
            with listener.accept()[0] as sock:
                sock.recv(51, socket.MSG_WAITALL)
                sock.sendall(b"SINEW-REFUSED \x1b[2Jgo away\r\xff" + b"x" * 10_000)

        thread = threading.Thread(target=play)
        thread.start()
        with pytest.raises(PermissionError) as caught:
            sinew.connect(f"tcp://127.0.0.1:{listener.getsockname()[1]}", token=TOKEN)
        thread.join()
    assert str(caught.value).isprintable()
    assert "go away" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "start",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", bytes(51), b"\xff" * 51, b"\n"],
    ids=["http", "tls", "zeros", "ones", "newline"],
)
def test_a_scanner_gets_one_short_line(serve, start):
    server = serve(token=TOKEN)
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        sock.sendall(start)
        sock.shutdown(socket.SHUT_WR)
        answer = sock.recv(1000, socket.MSG_WAITALL)
    assert answer.startswith(b"SINEW-REFUSED ")
    assert answer.count(b"\n") == 1
    assert len(answer) < 200


# Guessing.


def test_ten_thousand_tries_a_second_cannot_be_made(tokens):
    now = [1000.0]
    tries = tokens.Tries(lambda: now[0])
    looked_at = 0
    for _ in range(10_000):
        looked_at += tries.judge("10.0.0.1", lambda: False) is not None
        now[0] += 0.0001
    assert looked_at <= tries.BURST + 1
    assert tries.judge("10.0.0.1", lambda: True) is None  # nothing is learned now
    assert tries.judge("10.0.0.2", lambda: True)
    now[0] += 2
    assert tries.judge("10.0.0.1", lambda: True)


def test_the_count_of_tries_does_not_grow_without_bound(tokens):
    now = [1000.0]
    tries = tokens.Tries(lambda: now[0])
    looked_at = 0
    for n in range(20_000):
        looked_at += tries.judge(f"source {n}", lambda: False) is not None
    assert len(tries) <= tries.MOST_SOURCES + 1
    assert looked_at <= tries.MOST_SOURCES + tries.BURST
    now[0] += 100
    for n in range(100):
        assert tries.judge(f"later {n}", lambda: False) is False
    assert len(tries) <= 101


def test_guesses_over_the_wire_are_limited(serve):
    server = serve(token=TOKEN)
    answers = [exchange(server.port, bytes(32), lambda _: bytes(32)) for _ in range(30)]
    assert sum(b"the token is wrong" in answer for answer in answers) <= 12
    assert b"too many wrong tokens" in answers[-1]


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_ipv6_net_is_one_source(tokens, address, source):
    class Sock:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def getpeername(self):
            return (address, 1)

    assert tokens.source_of(Sock()) == source


# Where tokens come from.


def test_a_token_of_a_file(sinew, serve, key_file):
    server = serve(token=key_file)
    with sinew.connect(server.place, token=key_file) as conn:
        assert conn.root.add(1, 2) == 3


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_may_use_is_refused(sinew, serve, key_file, mode):
    key_file.chmod(mode)
    for use in (serve, lambda token: sinew.connect("tcp://127.0.0.1:1", token=token)):
        with pytest.raises((PermissionError, ConnectionError)) as caught:
            use(token=key_file)
        if use is serve:
            assert f"chmod 600 {key_file}" in str(caught.value)


@pytest.mark.parametrize("text", ["", "   \n", "short", "x" * 15, "x" * 4097])
def test_a_token_that_is_too_short_or_too_long_is_refused(serve, tmp_path, text):
    with pytest.raises(ValueError, match="needs 16 to 4096"):
        serve(token=text)
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ValueError, match="needs 16 to 4096"):
        serve(token=path)


def test_a_token_is_not_shown(sinew):
    assert TOKEN not in repr(sinew.TokenAuthenticator(TOKEN))
    assert TOKEN not in str(vars(sinew.TokenAuthenticator(TOKEN)).get("over"))


@pytest.mark.parametrize("variable", ["SINEW_TOKEN", "SINEW_TOKEN_FILE"])
def test_a_token_of_the_environment(sinew, serve, key_file, monkeypatch, variable):
    monkeypatch.setenv(variable, TOKEN if variable == "SINEW_TOKEN" else str(key_file))
    server, plain = serve(), serve(token=False)
    with sinew.connect(server.place) as conn:
        assert conn.root.add(1, 2) == 3
    with sinew.connect(plain.place, token=False) as conn:
        assert conn.root.add(1, 2) == 3
    with pytest.raises(PermissionError, match=variable):
        sinew.connect(plain.place)
    monkeypatch.delenv(variable)
    with sinew.connect(server.place) as conn, pytest.raises(EOFError, match="wants a token"):
        conn.root.add(1, 2)


def test_two_tokens_in_the_environment_are_refused(sinew, serve, key_file, monkeypatch):
    monkeypatch.setenv("SINEW_TOKEN", TOKEN)
    monkeypatch.setenv("SINEW_TOKEN_FILE", str(key_file))
    with pytest.raises(ValueError, match="both set"):
        serve()


def test_a_missing_token_is_missed(serve, monkeypatch):
    monkeypatch.delenv("SINEW_TOKEN", raising=False)
    monkeypatch.delenv("SINEW_TOKEN_FILE", raising=False)
    with pytest.raises(ValueError, match="SINEW_TOKEN_FILE"):
        serve(token=True)


@pytest.mark.parametrize("command", ["serve", "classic"])
def test_the_programs_take_a_token_file(sinew, key_file, tmp_path, command):
    (tmp_path / "lab.py").write_text(
        "import sinew\nclass Adder:\n @sinew.expose\n def add(self, a, b): return a + b\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    what = ["lab:Adder", f"tcp://127.0.0.1:{port}"] if command == "serve" else ["-p", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "sinew", command, *what, "--token-file", str(key_file)],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    place = f"tcp://127.0.0.1:{port}"

    def dial():
        try:
            return sinew.connect(place, token=key_file)
        except ConnectionRefusedError:
            return None

    try:
        with eventually(dial) as conn:
            assert (conn.root.add(1, 2) if command == "serve" else conn.eval("1 + 2")) == 3
        with pytest.raises(PermissionError):
            sinew.connect(place, token=WRONG)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_the_name_of_a_file_is_not_taken_for_the_token(sinew, tmp_path):
    path = tmp_path / "a-long-enough-name.token"
    path.write_text("x" * 20)
    with pytest.raises(ValueError, match=r"write pathlib\.Path"):
        sinew.start_server(object(), "tcp://127.0.0.1:0", token=str(path))
