"""Row S26: the server is the hostile one; the client stays what it was."""

import contextlib
import random
import socket
import sys
import threading

import pytest

import wire
from harness.impls import load

GETROOT, GETATTR, CALL, CALLATTR, INSPECT = 3, 4, 7, 8, 16
CALLS = (CALL, CALLATTR)
ROOT = ("evil.Root", 11, 3)


@pytest.fixture
def against(sinew):
    """A context manager: a connection to a server that answers what `answer(code, body)` gives.

    `answer` returns (kind, body), None to say nothing, or bytes to be sent as they are.
    """

    @contextlib.contextmanager
    def connect(answer, **config):
        here, there = socket.socketpair()
        raw = wire.Raw.over(there, timeout=10)

        def serve():
            with contextlib.suppress(OSError, EOFError, ValueError):
                while True:
                    kind, seq, body = raw.reply()
                    if kind != wire.REQUEST:
                        continue
                    given = answer(raw, body[0], body)
                    if isinstance(given, tuple):
                        raw.send(wire.frame(wire.message(given[0], seq, given[1])))
                    elif given:
                        raw.send(given)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        rpyc = load("ours")
        stream = rpyc.core.stream.SocketStream(here)
        conn = rpyc.connect_stream(stream, config={"sync_request_timeout": 5, **config})
        try:
            yield conn
        finally:
            conn.close()
            there.close()
            thread.join(10)

    return connect


def lends(raw, code, body):
    if code == GETROOT:
        return wire.REPLY, (wire.REMOTE_REF, ROOT)
    if code == INSPECT:
        return wire.REPLY, wire.boxed((("f", "doc"), ("__call__", "doc")))
    if code == GETATTR:
        return wire.REPLY, (wire.REMOTE_REF, ("evil.function", 12, 4))
    return wire.REPLY, wire.boxed(None)


@pytest.mark.parametrize(
    "name",
    [
        ("os", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("builtins", "object"),
        ("sinew.rpyc", "connect"),
        ("evil.module.of.theirs", "Trap"),
        ("antigravity", "Trap"),
        ("builtins", "\x1b[2J"),
        ("", ""),
        ("x" * 5000, "y" * 5000),
    ],
)
def test_an_exception_is_data_and_imports_nothing(against, name):
    before = set(sys.modules)

    def answer(raw, code, body):
        if code in CALLS:
            return wire.EXCEPTION, (name, ("touch /tmp/owned",), (("cmd", "evil"),), "traceback")
        return lends(raw, code, body)

    with against(answer) as conn, pytest.raises(Exception) as caught:
        conn.root.f()
    assert "traceback" in str(caught.value)  # it is the one that was sent
    assert not [m for m in set(sys.modules) - before if "evil" in m or m == "antigravity"]


@pytest.mark.parametrize(
    "attribute",
    ["__class__", "__dict__", "__traceback__", "__cause__", "__init__", "with_traceback"],
)
def test_attributes_of_an_exception_do_not_replace_what_python_relies_on(against, attribute):
    def answer(raw, code, body):
        if code in CALLS:
            attributes = ((attribute, "evil"), ("args", "evil"))
            return wire.EXCEPTION, (("builtins", "ValueError"), (1,), attributes, "traceback")
        return lends(raw, code, body)

    with against(answer) as conn, pytest.raises(ValueError) as caught:
        conn.root.f()
    assert type(caught.value).__mro__[-2:] == (BaseException, object)
    assert caught.value.__traceback__ is not None
    assert str(caught.value) is not None


@pytest.mark.parametrize("code", [wire.GETATTR, 7, CALLATTR, 5, 6, 10, 14, 16, 17, 11, 19])
def test_a_server_gets_nothing_of_the_clients_by_asking(against, code):
    """Forged callbacks: requests about ids that the client never lent."""
    refusals = []

    def answer(raw, asked, body):
        if asked in CALLS:
            for number in range(20):
                box = (wire.LOCAL_REF, ("builtins.function", number * 7919, number))
                raw.send(wire.request(1000 + number, code, box, wire.boxed("__globals__")))
                refusals.append(raw.reply()[0])
            return wire.REPLY, wire.boxed(5)
        return lends(raw, asked, body)

    with against(answer) as conn:
        assert conn.root.f() == 5
    assert refusals == [wire.EXCEPTION] * 20


def test_a_description_with_a_hundred_thousand_methods_does_no_harm(against):
    many = (("f", ""), ("__call__", ""), *((f"method{n}", "") for n in range(100_000)))

    def answer(raw, code, body):
        return (wire.REPLY, wire.boxed(many)) if code == INSPECT else lends(raw, code, body)

    with against(answer) as conn:
        assert hasattr(type(conn.root), "method7")
        assert conn.root.f() is None


@pytest.mark.parametrize("seed", range(20))
def test_garbage_for_an_answer_is_an_error(against, seed):
    source = random.Random(seed)

    def answer(raw, code, body):
        if code in CALLS:
            return wire.frame(bytes((2,)) + source.randbytes(source.randrange(1, 200)))
        return lends(raw, code, body)

    errors = (EOFError, TimeoutError, ValueError, TypeError, KeyError, AttributeError)
    with against(answer, sync_request_timeout=0.5) as conn, pytest.raises(errors):
        conn.root.f()
