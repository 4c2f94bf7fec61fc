"""Where servers listen (row S28): nobody serves the whole network without having said so."""

import importlib
import inspect
import logging
import signal
import socket
import subprocess
import sys

import pytest

from harness import impls
from harness.logs import Log
from harness.presence import require
from harness.waiting import eventually
from peers.tokens import TOKEN

ROUTABLE = ["0.0.0.0", "[::]", "[::ffff:0.0.0.0]"]


def own_address():
    """An address of this machine that others could use, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return None
        return sock.getsockname()[0]


def test_nothing_said_means_this_machine_only(sinew):
    serving = importlib.import_module("sinew.serving")

    class Thing:
        @sinew.expose
        def f(self):
            """Do nothing."""

    default = inspect.signature(serving.serve).parameters["uri"].default
    server = serving.make_server(Thing(), default.rpartition(":")[0])
    assert server.host == "127.0.0.1"
    server.close()


@pytest.mark.parametrize("host", ROUTABLE)
def test_a_routable_address_is_refused_with_the_line_to_add(serve, host):
    with pytest.raises(PermissionError) as caught:
        serve(f"tcp://{host}:0")
    text = str(caught.value)
    for remedy in ("token=pathlib.Path('FILE')", "certfile=", "cafile=", "insecure=True"):
        assert remedy in text


def test_an_address_of_this_machine_in_a_network_is_refused(serve):
    address = own_address()
    if address is None or address.startswith("127."):
        pytest.skip("this machine is in no network")
    with pytest.raises(PermissionError, match="insecure=True"):
        serve(f"tcp://{address}:0")
    with pytest.raises(PermissionError, match="insecure=True"):  # a name is what it stands for
        serve(f"tcp://{address}:0", token=False)


def test_a_name_of_this_machine_is_what_it_stands_for(serve, monkeypatch):
    real = socket.getaddrinfo

    def resolve(host, *rest, **options):
        return real("0.0.0.0" if host == "lab-7.example" else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(PermissionError):
        serve("tcp://lab-7.example:0")
    assert serve("tcp://localhost:0").host in ("127.0.0.1", "::1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "[::1]", "localhost"])
def test_loopback_needs_nothing(sinew, serve, host):
    server = serve(f"tcp://{host}:0")
    with sinew.connect(server.place) as conn:
        assert conn.root.add(1, 2) == 3


def test_a_unix_socket_needs_nothing(sinew, serve, tmp_path):
    with sinew.connect(serve(f"unix://{tmp_path}/socket").place) as conn:
        assert conn.root.add(1, 2) == 3


@pytest.mark.parametrize(
    "options", [{"token": TOKEN}, {"insecure": True}], ids=["token", "insecure"]
)
def test_a_token_or_an_express_wish_is_enough(sinew, serve, options):
    server = serve("tcp://0.0.0.0:0", **options)
    with sinew.connect(f"tcp://127.0.0.1:{server.port}", token=options.get("token")) as conn:
        assert conn.root.add(1, 2) == 3
    assert not [line for line in server.log.lines if "serves whoever connects" in line]


def test_certificates_of_clients_are_enough_and_those_of_servers_are_not(serve, made):
    own = {"certfile": made.path("server"), "keyfile": made.key("server")}
    serve("tls://0.0.0.0:0", **own, cafile=made.path("authority"))
    serve("tls://0.0.0.0:0", **own, token=TOKEN)
    with pytest.raises(PermissionError, match="cafile="):
        serve("tls://0.0.0.0:0", **own)
    with pytest.raises(PermissionError, match="cafile="):
        serve("tls://0.0.0.0:0", **own, cafile=made.path("authority"), verify=False)


@pytest.mark.parametrize(
    ("command", "code", "remedy"),
    [
        (["serve", "lab:Thing", "tcp://0.0.0.0:0"], 1, "--token-file"),
        (["classic", "-p", "0", "--host", "0.0.0.0"], 2, "--token-file"),
        (["classic", "-p", "0", "--host", "::", "--ipv6"], 2, "--insecure"),
        (["classic", "-p", "0", "--host", "0.0.0.0", "-m", "forking"], 2, "--insecure"),
        (["classic", "-p", "0", "--host", "0.0.0.0", "-m", "oneshot"], 2, "--insecure"),
    ],
)
def test_the_programs_refuse_it_in_one_sentence(sinew, tmp_path, command, code, remedy):
    (tmp_path / "lab.py").write_text(
        "import sinew\nclass Thing:\n @sinew.expose\n def f(self): pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "sinew", *command],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == code
    assert remedy in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("program", ["sinew-insecure", "rpyc_classic"])
def test_who_wants_it_gets_it(sinew, program):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    arguments = ["-q", "-p", port, "--host", "0.0.0.0"]
    module = ["sinew", "classic", "--insecure"]
    if program == "rpyc_classic":
        module = ["sinew.rpyc.cli.rpyc_classic"]
    process = subprocess.Popen(
        [sys.executable, "-m", *module, *arguments], stderr=subprocess.DEVNULL
    )

    def dial():
        try:
            return sinew.connect(f"tcp://127.0.0.1:{port}")
        except ConnectionRefusedError:
            return None

    try:
        with eventually(dial) as conn:
            assert conn.eval("1 + 2") == 3
        process.send_signal(signal.SIGINT)
        process.wait(10)
    finally:
        process.kill()
        process.wait()


def test_rpycs_own_servers_warn_once(monkeypatch):
    require("ours")
    rpyc = impls.load("ours")
    module = impls.submodule(rpyc, "utils.server")
    monkeypatch.setattr(importlib.import_module("sinew.binding"), "_warned", False)
    log = Log()
    logger = logging.Logger("binding", logging.WARNING)
    logger.addHandler(log)
    for options in ({"hostname": "localhost"}, {}, {}):
        server = module.ThreadedServer(rpyc.Service, logger=logger, **options)
        server._start_in_thread()
        server.close()
        if options:
            assert log.lines == []
    (line,) = log.lines
    assert "hostname='localhost'" in line
    assert "TokenAuthenticator(pathlib.Path('FILE'))" in line
