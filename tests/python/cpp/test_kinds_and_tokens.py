"""A pooled C++ server, and tokens between C++ and Python."""

import os
import subprocess
import threading

import pytest
import sinew

from cpp.conftest import BUILD
from harness.combos import ours_only

TOKEN = "a token that both of them know"


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(TOKEN)
    return path


@pytest.mark.parametrize("server", [["pooled"]], indirect=True)
def test_a_pool_serves_more_clients_than_it_has_threads(connect):
    conns = [connect() for _ in range(12)]
    wrong = []

    def work(conn, number):
        for i in range(50):
            if conn.root.call(lambda x: x + 1, number + i) != number + i + 1:
                wrong.append((number, i))

    threads = [threading.Thread(target=work, args=(c, n)) for n, c in enumerate(conns)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert wrong == []
    for conn in conns:
        assert list(conn.root.numbers(3)) == [0, 1, 2]


@ours_only
@pytest.mark.parametrize("kind", [(), ("pooled",)], ids=["threaded", "pooled"])
def test_python_clients_show_a_cpp_server_their_token(kind, token_file, impl):
    from cpp.conftest import CppServer  # noqa: PLC0415

    made = CppServer(*kind, str(token_file))
    where = f"tcp://127.0.0.1:{made.port}"
    conn = sinew.connect(where, token=TOKEN)
    assert conn.root.add(1, 2) == 3
    conn.close()
    with pytest.raises(PermissionError, match="the token is wrong"):
        sinew.connect(where, token="another one, which is wrong")
    with pytest.raises(EOFError, match="the server wants a token"):
        sinew.connect(where, token=False).root  # noqa: B018
    assert made.end() == "living 0"


@ours_only
def test_a_cpp_client_shows_a_python_server_its_token(token_file, tmp_path, impl):
    (tmp_path / "five").write_text("12345")
    with sinew.start_server(sinew.rpyc.SlaveService, "tcp://127.0.0.1:0", token=TOKEN) as server:
        for value, status, said in [
            (TOKEN, 0, "five"),
            ("another one, which is wrong", 1, "the token is wrong"),
            ("short", 1, "needs 16 to 4096"),
        ]:
            ended = subprocess.run(
                [BUILD / "examples" / "remote_ls", str(server.address), str(tmp_path)],
                env={**os.environ, "SINEW_TOKEN": value},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert ended.returncode == status, ended.stderr
            assert said in ended.stdout + ended.stderr
