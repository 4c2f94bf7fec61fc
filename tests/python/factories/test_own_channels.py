"""Channels and streams of the program's own: what they override is used."""

import pytest

from harness.combos import ours_only
from harness.impls import submodule


@pytest.fixture
def server(lib):
    """A server of a service with `add` and `echo`."""

    class Adding(lib.Service):
        exposed_add = staticmethod(lambda a, b: a + b)
        exposed_echo = staticmethod(lambda value: value)
        exposed_call = staticmethod(lambda function: function())

    made = submodule(lib, "utils.server").ThreadedServer(Adding, hostname="127.0.0.1")
    serving = made._start_in_thread()
    yield made
    made.close()
    serving.join(10)


def use(conn):
    assert conn.root.add(1, 2) == 3
    assert conn.root.echo("x" * 200_000) == "x" * 200_000
    assert conn.root.call(lambda: "called back") == "called back"
    with pytest.raises(AttributeError):
        _ = conn.root.nothing


def test_packets_go_through_a_channel_of_the_programs_class(lib, server):
    stream = submodule(lib, "core.stream").SocketStream
    packets = []

    class Noting(submodule(lib, "core.channel").Channel):
        def send(self, data):
            packets.append(("sent", bytes(data)))
            super().send(data)

        def recv(self):
            data = super().recv()
            packets.append(("received", bytes(data)))
            return data

    with lib.connect_channel(Noting(stream.connect("127.0.0.1", server.port))) as conn:
        use(conn)
    assert packets[0][0] == "sent"
    assert packets[0][1][0] in (1, 0x12)  # a request; RPyC 4 and 5 begin with a tuple of three
    received = [data for direction, data in packets if direction == "received"]
    assert received[0][0] in (2, 0x12)  # its answer


def test_a_channel_that_changes_the_packets(lib, server):
    """As one does that encrypts: each end undoes what the other has done."""
    base = submodule(lib, "core.channel").Channel
    stream = submodule(lib, "core.stream").SocketStream
    service = submodule(lib, "utils.server").ThreadedServer

    def mask(data):
        return bytes(byte ^ 0x5A for byte in data)

    class Masked(base):
        def send(self, data):
            super().send(mask(data))

        def recv(self):
            return mask(super().recv())

    class MaskedService(lib.Service):
        exposed_add = staticmethod(lambda a, b: a + b)

        @classmethod
        def _connect(cls, channel, config):
            return super()._connect(Masked(channel.stream), config)

    made = service(MaskedService, hostname="127.0.0.1")
    serving = made._start_in_thread()
    try:
        with lib.connect_channel(Masked(stream.connect("127.0.0.1", made.port))) as conn:
            assert conn.root.add(1, 2) == 3
    finally:
        made.close()
        serving.join(10)


def test_bytes_go_through_a_stream_of_the_programs_class(lib, server):
    seen = {"read": 0, "write": 0}

    class Counting(submodule(lib, "core.stream").SocketStream):
        def read(self, count):
            data = super().read(count)
            seen["read"] += len(data)
            return data

        def write(self, data):
            super().write(data)
            seen["write"] += len(data)

    with lib.connect_stream(Counting.connect("127.0.0.1", server.port)) as conn:
        use(conn)
        assert seen["read"] > 1000  # stock compresses
        assert seen["write"] > 1000


def test_a_method_of_a_stream_may_be_exchanged_in_its_class(lib, server, monkeypatch):
    kind = submodule(lib, "core.stream").SocketStream
    original = kind.write
    written = []

    def write(self, data):
        written.append(len(data))
        original(self, data)

    monkeypatch.setattr(kind, "write", write)
    with lib.connect("127.0.0.1", server.port) as conn:
        use(conn)
    assert written


def test_an_object_with_the_methods_of_a_channel(lib, server):
    stream = submodule(lib, "core.stream").SocketStream

    class Duck:
        def __init__(self, channel):
            self._inner = channel
            self.sent = 0

        def send(self, data):
            self.sent += 1
            self._inner.send(data)

        def recv(self):
            return self._inner.recv()

        def poll(self, timeout):
            return self._inner.poll(timeout)

        def fileno(self):
            return self._inner.fileno()

        def close(self):
            self._inner.close()

        @property
        def closed(self):
            return self._inner.closed

    channel = submodule(lib, "core.channel").Channel
    duck = Duck(channel(stream.connect("127.0.0.1", server.port)))
    with lib.connect_channel(duck) as conn:
        use(conn)
    assert duck.sent > 3


@ours_only
def test_a_channel_that_sends_rubbish_ends_the_connection_with_a_reason(lib, server):
    stream = submodule(lib, "core.stream").SocketStream

    class Failing(submodule(lib, "core.channel").Channel):
        def recv(self):
            raise OSError("the cable is out")

    conn = lib.connect_channel(Failing(stream.connect("127.0.0.1", server.port)))
    with pytest.raises(EOFError, match="the cable is out"):
        conn.ping()
    assert conn.closed
