"""Messages that are well framed and mean nothing good."""

import pytest

import wire
from harness.combos import only, pure_serves

pytestmark = [only(client="ours", server="ours"), pure_serves]


def still_answers(raw, seq=900):
    """Tell whether the hostile connection itself is still served."""
    return raw.ask(seq, wire.PING, wire.boxed("x")) == (wire.REPLY, seq, (wire.VALUE, "x"))


def become_known(raw):
    """Say something small first: before that, `max_first_frame_size` bounds what is read."""
    assert still_answers(raw)


def is_refused(raw):
    """Tell whether the request 0 was answered with an exception or cost the connection.

    The engine answers where it can tell which request it was; stock closes.
    """
    try:
        kind, seq, _ = raw.reply()
    except EOFError:
        return True
    return (kind, seq) == (wire.EXCEPTION, 0)


def test_brine_that_is_too_deep(raw, honest):
    with honest():
        become_known(raw)
        raw.send(wire.frame(b"\x01" + b"\x10" * 1_000_000))
        assert raw.is_closed_by_peer()


LIES = [
    b"\x0f\xff\xff\xff\xff",
    b"\x15\xff\xff\xff\xff",
    b"\x17\xff\xff\xff\xff",
    b"\x0e\xff",
    b"\x14\xff",
    b"\x18",
    b"\x1b",
]


@pytest.mark.parametrize("lie", LIES, ids=bytes.hex)
def test_brine_that_announces_more_than_there_is(raw, honest, lie):
    with honest():
        raw.send(wire.frame(b"\x01\x11\x50" + lie))
        assert is_refused(raw)


def peak_memory(pid):
    """Return the most memory that a process ever had resident, in MiB."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) >> 10 for line in file if line.startswith("VmHWM"))


@pytest.mark.parametrize("handler", [wire.PING, wire.CALL, wire.INSPECT])
def test_nested_tuples_that_all_announce_the_same_bytes(serve, honest, handler):
    own, size = serve("gates:gates", fresh=True), 1_000_000
    before = peak_memory(own.pid)
    nested = (b"\x11\x52\x15" + (size - 8000).to_bytes(4, "big")) * 190
    payload = b"\x01\x11\x50\x11" + wire.encode(handler) + b"\x11\x52\x10" + nested
    with honest(), wire.Raw(own.port) as client:
        become_known(client)
        client.send(wire.frame(payload + bytes(size)))
        assert is_refused(client)
        assert still_answers(client)
    assert peak_memory(own.pid) < before + 64


def test_objects_released_too_often_are_not_kept(serve, connect_to):
    server = serve("lifetime:tracker", fresh=True, config={"max_exports": 5})
    watcher = connect_to(server)
    with wire.Raw(server.port) as client:
        root = client.root()
        for seq in range(1, 50):
            arguments = (wire.LOCAL_REF, root), wire.boxed("make"), wire.boxed(())
            _, _, (label, made) = client.ask(2 * seq, 8, *arguments)
            assert label == wire.REMOTE_REF
            client.send(wire.request(2 * seq + 1, wire.DEL, (wire.LOCAL_REF, made), wire.boxed(2)))
            assert client.reply()[0] == wire.EXCEPTION
        assert watcher.root.living() <= 1


@pytest.mark.parametrize("tag", [0x07, 0x1C, 0x1F, 0xF0, 0xFF])
def test_a_tag_that_does_not_exist(raw, honest, tag):
    with honest():
        raw.send(wire.frame(b"\x01\x11\x50" + bytes((tag,))))
        assert is_refused(raw)


def test_a_number_with_millions_of_digits(raw, honest):
    digits = b"9" * 2_000_000
    payload = b"\x01\x11\x50\x11\x51\x11\x51\x10\x17" + len(digits).to_bytes(4, "big") + digits
    with honest():
        become_known(raw)
        raw.send(wire.frame(payload))
        raw.sock.settimeout(3)
        raw.is_closed_by_peer()


def test_a_kind_of_message_that_does_not_exist(raw, honest):
    with honest():
        raw.send(wire.frame(bytes((9,)) + wire.encode((0, ()))))
        assert raw.is_closed_by_peer()


def test_a_request_for_something_unknown_is_refused_and_the_rest_served(raw, honest):
    with honest():
        kind, seq, body = raw.ask(5, 99, wire.boxed(1))
        assert (kind, seq) == (wire.EXCEPTION, 5)
        assert body[0] == ("builtins", "KeyError")
        assert still_answers(raw)


@pytest.mark.parametrize(
    "boxes",
    [
        ((wire.LOCAL_REF, ("a.b", 1, 2)),),
        ((wire.LOCAL_REF, ("a.b", 0, 0)),),
        ((wire.LOCAL_REF, ("x" * 10_000, 1 << 70, -5)),),
        ((wire.LOCAL_REF, "no identity"),),
        ((wire.LOCAL_REF, ()),),
        ((wire.LOCAL_REF, None),),
        ((wire.REMOTE_REF, "no identity"),),
        ((wire.REMOTE_REF, (1, 2, 3)),),
        ((9, "unknown label"),),
        ((wire.TUPLE, 5),),
        (5,),
    ],
)
def test_a_reference_that_refers_to_nothing(raw, honest, boxes):
    with honest():
        raw.send(wire.request(1, wire.STR_OF, *boxes))
        kind, seq, _ = raw.reply()
        assert (kind, seq) == (wire.EXCEPTION, 1)
        assert still_answers(raw)


def test_a_reference_of_another_connection(server, raw, honest):
    """What one client was given, another cannot use by knowing its number."""
    with honest(), wire.Raw(server.port) as other:
        theirs = raw.root()
        mine = other.root()
        if mine != theirs:
            kind, _, _ = other.ask(1, wire.STR_OF, (wire.LOCAL_REF, theirs))
            assert kind == wire.EXCEPTION
        assert still_answers(raw)
        assert still_answers(other)


def test_a_release_of_what_was_never_given(raw, honest):
    with honest():
        raw.send(wire.request(1, wire.DEL, (wire.LOCAL_REF, ("a.b", 1, 2)), wire.boxed(1)))
        assert raw.reply()[1] == 1
        assert still_answers(raw)


@pytest.mark.parametrize("count", [2, 1000, -1, 1 << 80, "many", None])
def test_a_release_of_more_than_was_given(raw, honest, count):
    with honest():
        root = raw.root()
        raw.send(wire.request(1, wire.DEL, (wire.LOCAL_REF, root), wire.boxed(count)))
        assert raw.reply()[1] == 1
        assert still_answers(raw)


def test_replies_that_nobody_asked_for(raw, honest):
    with honest():
        for seq in (0, 1, -1, 1 << 60):
            raw.send(wire.frame(wire.message(wire.REPLY, seq, wire.boxed(1))))
            raw.send(wire.frame(wire.message(wire.EXCEPTION, seq, 1)))
        assert still_answers(raw)


@pytest.mark.parametrize("handler", range(1, 22))
def test_every_request_with_arguments_that_make_no_sense(raw, honest, handler):
    if handler == wire.CLOSE:
        pytest.skip("closing takes no arguments")
    with honest():
        for boxes in ((), (wire.boxed(None),) * 2, (wire.boxed("x"),) * 3, (wire.boxed(5),) * 7):
            raw.send(wire.request(handler, handler, *boxes))
            assert raw.reply()[1] == handler
        assert still_answers(raw)


def test_buffered_iteration_over_a_huge_count(raw, honest):
    with honest():
        raw.ask(1, wire.BUFFITER, wire.boxed("text"), wire.boxed(1 << 62))
        assert still_answers(raw)


def test_family_b_is_detected(server, honest):
    with honest(), wire.Raw(server.port) as client:
        client.send(wire.request(0, wire.PING, wire.boxed("b"), family="B"))
        assert client.reply("B") == (wire.REPLY, 0, (wire.VALUE, "b"))


def test_a_client_that_changes_the_family_is_dropped(raw, honest):
    with honest():
        assert still_answers(raw)
        raw.send(wire.request(0, wire.PING, wire.boxed("b"), family="B"))
        assert raw.is_closed_by_peer()


def test_a_flood_of_requests_without_reading_the_answers(server, honest):
    with honest(), wire.Raw(server.port, timeout=0.5) as client:
        piece = wire.request(1, wire.PING, wire.boxed(b"x" * 2000)) * 100
        try:
            for _ in range(400):
                client.send(piece)
        except OSError:
            pass  # the server stopped reading: as it should
