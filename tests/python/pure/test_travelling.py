"""The pure peer is one file, and any Python from 3.8 on is enough for it."""

import ast
import importlib
import subprocess

import pytest

import wire

# Run in a Python without site-packages: imports the file, and prints the modules that came from
# elsewhere than the standard library's folder, after the names of all.
IMPORTS = """
import os, sys
before = set(sys.modules)
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"), {"__name__": "peer"})
new = {name: module for name, module in sys.modules.items() if name not in before}
print(*new)
library = os.path.dirname(os.__file__)
files = {name: getattr(module, "__file__", None) or library for name, module in new.items()}
print(*[name for name, file in files.items() if not file.startswith(library)])
"""


@pytest.fixture
def peer(sinew, tmp_path):
    """The file that travels."""
    path = tmp_path / "peer.py"
    path.write_text(importlib.import_module("sinew.bundling").source())
    return path


def test_the_file_has_the_syntax_of_the_oldest_python(peer):
    ast.parse(peer.read_text(), feature_version=(3, 8))
    with pytest.raises(SyntaxError):  # the test itself is able to fail
        ast.parse("match 1:\n  case 1: pass\n", feature_version=(3, 8))


def test_the_parts_have_the_syntax_of_the_oldest_python(sinew):
    loader = ast.parse(importlib.import_module("sinew.bundling").source())
    (parts,) = (node for node in ast.walk(loader) if isinstance(node, ast.Dict))
    texts = ast.literal_eval(parts)
    assert {"values", "connection", "__init__"} <= set(texts)
    for text in texts.values():
        ast.parse(text, feature_version=(3, 8))


def test_the_file_needs_nothing_but_the_standard_library(peer, python):
    done = subprocess.run(
        [python, "-I", "-S", "-c", IMPORTS, peer],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded, foreign = done.stdout.splitlines()
    assert {"socket", "select", "sinew_pure.connection"} <= set(loaded.split())
    assert {name.partition(".")[0] for name in foreign.split()} == {"sinew_pure"}


def test_the_file_serves_over_tcp(peer, python):
    command = [python, "-I", "-S", peer, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            port = int(process.stdout.readline())
            with wire.Raw(port) as raw:
                assert raw.ask(1, wire.PING, wire.boxed("x")) == (wire.REPLY, 1, (wire.VALUE, "x"))
        finally:
            process.kill()


def test_what_both_peers_know_is_the_same(sinew):
    pure = importlib.import_module("sinew.pure")
    config = importlib.import_module("sinew.rpyc.core.config")
    netref = importlib.import_module("sinew.rpyc.core.netref")
    version = importlib.import_module("sinew.rpyc.version")
    assert pure.__version__ == version.__version__
    assert pure.netrefs.LOCAL_ATTRS == netref.LOCAL_ATTRS
    own = {"max_int_digits"}
    shared = {key: value for key, value in pure.DEFAULT_CONFIG.items() if key not in own}
    assert shared == {key: config.DEFAULT_CONFIG[key] for key in shared}
