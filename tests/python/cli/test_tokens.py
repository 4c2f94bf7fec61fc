"""Servers that want a token."""

import json
import os

import pytest

from harness.combos import ours_only
from harness.cpp_server import CppServer

pytestmark = ours_only
TOKEN = "a token that both of them know"


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(TOKEN)
    return path


@pytest.fixture(params=["python", "cpp"])
def uri(request, lib, token_file):
    """Where a server listens that wants the token."""
    if request.param == "cpp":
        server = CppServer(str(token_file))
        yield f"tcp://127.0.0.1:{server.port}"
        server.end()
    else:
        import sinew  # noqa: PLC0415 - only where ours is built

        class Adder:
            @sinew.expose
            def add(self, a, b):
                return a + b

        with sinew.start_server(Adder(), "tcp://127.0.0.1", token=TOKEN) as server:
            yield str(server.address)


def test_the_token_of_a_file_or_of_the_environment(said, uri, token_file):
    assert said("call", uri, "add", 1, 2, "--token-file", token_file) == "3\n"
    for name, value in (("SINEW_TOKEN", TOKEN), ("SINEW_TOKEN_FILE", str(token_file))):
        assert said("call", uri, "add", 1, 2, env={**os.environ, name: value}) == "3\n"


def test_a_wrong_token_is_a_line(complaint, uri, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.touch(0o600)
    wrong.write_text("another one, which is wrong")
    assert "the token is wrong" in complaint(3, "call", uri, "add", 1, 2, "--token-file", wrong)


def test_no_token_is_a_line_that_says_so(complaint, sinew, uri):
    assert "token" in complaint(3, "call", uri, "add", 1, 2)
    found = json.loads(sinew("doctor", uri, "--json").stdout)
    assert "--token-file" in found["checks"][-1]["advice"]


def test_a_token_that_others_may_read_is_not_used(complaint, token_file):
    token_file.chmod(0o644)
    line = complaint(4, "call", "lab-7", "add", "--token-file", token_file)
    assert "chmod 600" in line
