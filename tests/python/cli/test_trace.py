"""`sinew trace`: what a client and a server say to each other, as it passes."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
import threading
from types import SimpleNamespace

import pytest

from harness.combos import only, ours_only
from harness.waiting import eventually


@pytest.fixture
def trace(program, tmp_path):
    """A function that starts the program between a client and an address."""
    started = []

    def start(uri, *arguments, **options):
        command = [program, "trace", uri, *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        process = subprocess.Popen(command, cwd=tmp_path, **pipes)
        started.append(process)
        line = process.stderr.readline()
        found = re.match(r"listening at (\S+), passing on to ", line)
        assert found, line
        port = int(found[1].rpartition(":")[2]) if found[1].startswith("tcp") else None
        return SimpleNamespace(process=process, uri=found[1], port=port)

    yield start
    for process in started:
        process.kill()
        with contextlib.suppress(BrokenPipeError), process:
            pass  # closes the pipes


def ended(traced, code=0):
    """Wait for the end of the program; return what it printed since, as lines."""
    out, err = traced.process.communicate(timeout=20)
    assert (traced.process.returncode, err) == (code, "")
    return out.splitlines()


def as_json(lines):
    *events, statistics = [json.loads(line) for line in lines]
    assert statistics["event"] == "statistics"
    return events, statistics


@pytest.fixture
def through(rpyc, serve, client_config, trace):
    """A function that traces a session of a classic client, `use(conn)`; returns the lines."""

    def run(use, *arguments):
        traced = trace(f"tcp://127.0.0.1:{serve('classic:slave').port}", *arguments)
        conn = rpyc.connect(
            "127.0.0.1", traced.port, service=rpyc.ClassicService, config=client_config
        )
        use(conn)
        conn.close()
        return ended(traced)

    return run


def test_all_that_two_peers_say_is_read(through, combo, stock_version):
    def use(conn):
        assert conn.modules.math.sqrt(16) == 4
        with pytest.raises(ZeroDivisionError):
            conn.eval("1 / 0")
        assert conn.eval("lambda f: f(41)")(lambda x: x + 1) == 42

    events, statistics = as_json(through(use, "--json"))
    assert events[0]["event"] == "opened"
    messages = [event for event in events if event["event"] == "message"]
    assert all("kind" in message for message in messages), "all are understood"
    is_old = stock_version[0] == "5" and "stock" in (combo.client, combo.server)
    assert {message["family"] for message in messages} == ({"B"} if is_old else {"C"})
    assert any(message.get("handler") == "GETROOT" for message in messages)
    callback = [m for m in messages if m["from"] == "server" and m.get("handler") == "CALL"]
    assert callback, "requests go both ways"
    failed = [message for message in messages if message["kind"] == "exception"]
    assert any("ZeroDivisionError" in message["text"] for message in failed)
    answers = [message for message in messages if "us" in message]
    assert answers
    assert all(answer["us"] >= 0 for answer in answers)
    assert statistics["connections"] == 1
    assert statistics["requests"]["CALL"]["failed"] >= 1
    for side in ("client", "server"):
        sent = [message for message in messages if message["from"] == side]
        assert statistics[f"from_{side}"] == {
            "messages": len(sent),
            "bytes": sum(message["bytes"] for message in sent),
        }


def test_each_message_is_a_line(through):
    lines = through(lambda conn: conn.eval("abs"))
    pattern = r"\d\d:\d\d:\d\d\.\d{6}  1 -> REQUEST   seq=\d+  GETROOT\(\)"
    assert any(re.fullmatch(pattern, line) for line in lines), lines
    assert any(re.search(r" <- REPLY .*  \[GETROOT, [\d.]+ .?s\]$", line) for line in lines)
    assert lines[lines.index("") + 1] == "connections 1"


def test_large_values_pass_unchanged_and_are_shown_in_part(through):
    large = os.urandom(3_000_000) + bytes(3_000_000)

    def use(conn):
        assert conn.eval("lambda data: data[::-1]")(large) == large[::-1]

    events, _ = as_json(through(use, "--json", "--max-bytes", 50))
    large_ones = [event for event in events if event.get("bytes", 0) > 1_000_000]
    assert len(large_ones) == 2
    assert all("chars>" in event["text"] and len(event["text"]) < 500 for event in large_ones)


@pytest.fixture
def echo():
    """The port of a server that sends back what comes, until that ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                client, _ = listener.accept()
                with client:
                    while data := client.recv(1000):
                        client.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


@ours_only
class TestWithoutPeers:
    def test_bytes_that_are_no_rpyc_pass_and_are_shown(self, lib, trace, echo):
        traced = trace(f"tcp://127.0.0.1:{echo}", "--json")
        with socket.create_connection(("127.0.0.1", traced.port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while data := client.recv(1000):
                answer += data
        assert answer == b"GET / HTTP/1.1\r\n\r\n"
        events, _ = as_json(ended(traced))
        raw = [event for event in events if event["event"] == "raw"]
        assert {event["from"] for event in raw} == {"client", "server"}
        assert raw[0]["text"].startswith("47 45 54 20")
        assert "<the flag for compression is neither 0 nor 1>" in raw[0]["text"]

    def test_a_server_that_is_not_there_is_a_line(self, lib, trace, free_port):
        traced = trace(f"tcp://127.0.0.1:{free_port}")
        with socket.create_connection(("127.0.0.1", traced.port)) as client:
            assert client.recv(10) == b""
        _, err = traced.process.communicate(timeout=20)
        assert traced.process.returncode == 3
        assert str(free_port) in err
        assert err.count("\n") == 1

    def test_what_makes_no_sense_is_a_line(self, lib, complaint):
        assert "no TLS to clients" in complaint(2, "trace", "lab-7", "--listen", "tls://localhost")
        line = complaint(2, "trace", "lab-7", "--listen", "tcp://0.0.0.0:0")
        assert "--open" in line
        complaint(2, "trace", "lab-7", "--max-bytes", "0")
        complaint(2, "trace", "lab-7", "--wire", "5")  # it reads all of them
        complaint(2, "trace", "lab-7", "--token-file", "lab.token")  # that is the client's
        complaint(2, "trace", "lab-7", "--listen", "ftp://lab-7")

    def test_a_token_is_not_shown(self, lib, trace):
        import sinew  # noqa: PLC0415 - where ours can be imported

        with sinew.start_server(lib.SlaveService, "tcp://127.0.0.1", token="x" * 20) as server:
            traced = trace(server.address, "--json")
            with sinew.connect(traced.uri, token="x" * 20) as conn:
                assert conn.eval("1 + 1") == 2
            events, _ = as_json(ended(traced))
        tokens = [(e["from"], e["text"]) for e in events if e["event"] == "token"]
        assert sorted(tokens) == [
            ("client", "token handshake: hello"),
            ("client", "token handshake: proof"),
            ("server", "token handshake: challenge"),
            ("server", "token handshake: proof"),
        ]
        assert not [event for event in events if event["event"] == "raw"]


@only(client="ours", server="ours")
class TestBetweenOurs:
    @pytest.fixture
    def uri(self, serve):
        return f"tcp://127.0.0.1:{serve('classic:slave').port}"

    def test_with_follow_it_goes_on_until_ctrl_c(self, rpyc, trace, uri):
        traced = trace(uri, "--follow", "--json")
        for _ in range(2):
            with rpyc.classic.connect("127.0.0.1", traced.port) as conn:
                assert conn.eval("1 + 1") == 2
        seen = []
        while sum(event["event"] == "closed" for event in seen) < 4:
            seen.append(json.loads(traced.process.stdout.readline()))
        traced.process.send_signal(signal.SIGINT)
        events, statistics = as_json(ended(traced, -signal.SIGINT))
        assert events == []
        assert statistics["connections"] == 2

    def test_a_unix_socket_goes_with_it(self, rpyc, trace, uri, tmp_path):
        path = tmp_path / "trace"
        traced = trace(uri, "--listen", f"unix://{path}")
        conn = rpyc.utils.factory.unix_connect(str(path), service=rpyc.ClassicService)
        assert conn.eval("1 + 1") == 2
        conn.close()
        ended(traced)
        assert not path.exists()

    @pytest.mark.parametrize("no_color", ["", "1"])
    def test_colour_is_for_terminals(self, rpyc, trace, uri, no_color):
        ours, theirs = pty.openpty()
        try:
            environment = {**os.environ, "TERM": "xterm", "NO_COLOR": no_color}
            traced = trace(uri, stdout=theirs, env=environment)
            with rpyc.classic.connect("127.0.0.1", traced.port) as conn:
                assert conn.eval("1 + 1") == 2
            shown = b""
            while b"longest" not in shown:
                shown += os.read(ours, 10_000)
            assert traced.process.wait(20) == 0
        finally:
            os.close(ours)
            os.close(theirs)
        assert b"GETROOT()" in shown
        assert (b"\x1b[" in shown) == (not no_color)

    def test_a_server_with_tls_is_reached_in_clear(self, rpyc, trace, made):
        import sinew  # noqa: PLC0415 - where ours can be imported

        with sinew.start_server(
            rpyc.SlaveService,
            "tls://127.0.0.1",
            certfile=made.path("server"),
            keyfile=made.key("server"),
        ) as server:
            traced = trace(server.address, "--json", "--cafile", made.path("authority"))
            with rpyc.classic.connect("127.0.0.1", traced.port) as conn:
                assert conn.eval("1 + 1") == 2
            events, _ = as_json(ended(traced))
        assert any(event.get("handler") == "GETROOT" for event in events)
        eventually(lambda: not server.clients)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_though_nobody_reads(trace, said, serve, tmp_path, number):
    """What it prints is in a pipe that is full."""
    server = f"tcp://127.0.0.1:{serve('commands:lab').port}"
    reader, writer = os.pipe()
    try:
        room = fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        path = tmp_path / "trace.sock"
        traced = trace(server, "--listen", f"unix://{path}", "--follow", stdout=writer)
        os.close(writer)
        said("ping", traced.uri, "--count", 300, "--interval", 0)

        def waiting():
            return int.from_bytes(fcntl.ioctl(reader, termios.FIONREAD, bytes(4)), sys.byteorder)

        eventually(lambda: waiting() > room - 400, 20)
        traced.process.send_signal(number)
        assert traced.process.wait(20) == -number
        assert not path.exists()
    finally:
        os.close(reader)


def test_sigusr2_is_a_signal_like_others(trace, serve):
    traced = trace(f"tcp://127.0.0.1:{serve('commands:lab').port}", "--follow")
    traced.process.send_signal(signal.SIGUSR2)
    assert traced.process.wait(20) == -signal.SIGUSR2


def test_a_signal_that_is_ignored_stays_so(program, serve, said):
    """As a shell does it to what it starts in the background."""
    server = f"tcp://127.0.0.1:{serve('commands:lab').port}"
    ignoring = 'trap "" INT; exec "$0" "$@"'
    with subprocess.Popen(
        ["/bin/sh", "-c", ignoring, program, "trace", server, "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            port = re.match(r"listening at \S+:(\d+), ", process.stderr.readline())[1]
            process.send_signal(signal.SIGINT)
            said("ping", f"127.0.0.1:{port}", "--count", 1)  # it goes on
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == -signal.SIGTERM
        finally:
            process.kill()
