"""Tokens between Sinew and the pure peer, in both roles, and where that has travelled to."""

import importlib
import subprocess

import pytest

from harness import pythons
from peers.tokens import TOKEN

WRONG = "incorrect horse battery staple"
PEERS = ("ours", "pure")


@pytest.fixture
def pure(sinew):
    return importlib.import_module("sinew.pure")


@pytest.fixture(params=PEERS)
def connect(request, sinew, pure):
    """A function `connect(port, **options) -> Connection`, of either."""
    opened = []

    def start(port, **options):
        if request.param == "pure":
            conn = pure.connect("127.0.0.1", port, **options)
        else:
            conn = sinew.connect(f"tcp://127.0.0.1:{port}", **options)
        opened.append(conn)
        return conn

    yield start
    for conn in opened:
        conn.close()


@pytest.mark.parametrize("server", PEERS)
def test_who_knows_the_token_is_served_and_others_are_told(servers, connect, server):
    port = servers.get(server, "gates:gates", authenticator="tokens:authenticator").port
    with pytest.raises(PermissionError, match="the token is wrong"):
        connect(port, token=WRONG)
    assert connect(port, token=TOKEN).root.add(1, 2) == 3
    conn = connect(port)
    with pytest.raises(EOFError):
        conn.root.add(1, 2)
    assert connect(port, token=TOKEN).root.add(3, 4) == 7


@pytest.mark.parametrize("server", PEERS)
def test_a_server_that_takes_none_is_recognised(servers, connect, server):
    port = servers.get(server, "gates:gates").port
    with pytest.raises(PermissionError, match="does not take tokens"):
        connect(port, token=TOKEN)
    assert connect(port).root.add(1, 2) == 3


def test_wrong_tokens_are_counted(servers, pure):
    port = servers.fresh("pure", "gates:gates", authenticator="tokens:authenticator").port
    told = []
    for _ in range(30):
        with pytest.raises(PermissionError) as caught:
            pure.connect("127.0.0.1", port, token=WRONG)
        told.append(str(caught.value))
    assert sum("the token is wrong" in text for text in told) < 20
    assert "too many wrong tokens" in told[-1]


@pytest.fixture
def peer(sinew, tmp_path):
    """The file that travels."""
    path = tmp_path / "peer.py"
    path.write_text(importlib.import_module("sinew.bundling").source())
    return path


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("version", pythons.suitable(), ids=pythons.name)
def test_a_program_that_travelled_wants_a_token(sinew, peer, key_file, version):
    command = [pythons.suitable()[version], "-I", "-S", peer, "--listen", "127.0.0.1:0"]
    with subprocess.Popen([*command, "--token-file", key_file], stdout=subprocess.PIPE) as program:
        try:
            place = f"tcp://127.0.0.1:{int(program.stdout.readline())}"
            with pytest.raises(PermissionError, match="the token is wrong"):
                sinew.connect(place, token=WRONG)
            with sinew.connect(place, token=key_file) as conn:
                assert conn.eval("6 * 7") == 42
        finally:
            program.kill()


def test_a_file_that_others_may_read_is_refused(peer, key_file):
    key_file.chmod(0o644)
    done = subprocess.run(
        [pythons.suitable()[max(pythons.suitable())], peer, "--listen", "127.0.0.1:0",
         "--token-file", key_file],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "chmod 600" in done.stderr
