"""What an arrived exception tells about the place where it was raised."""

import traceback

from harness.combos import with_pure, without_pure
from harness.impls import submodule

pytestmark = with_pure


def caught(function, *args):
    try:
        function(*args)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_the_remote_traceback_is_part_of_the_text(failing):
    error = caught(failing.deep, 3)
    assert str(error).startswith("deep")
    assert "========= Remote Traceback (1) =========" in str(error)
    assert "exposed_deep" in str(error)
    assert "ValueError: deep" in str(error)
    assert "Remote Traceback (1)" in repr(error)


def test_the_remote_traceback_is_an_attribute(failing):
    error = caught(failing.deep, 0)
    assert "exposed_deep" in error._remote_tb
    assert error._remote_tb.startswith("Traceback (most recent call last)")


def test_the_printed_traceback_shows_both_sides(failing):
    error = caught(failing.deep, 0)
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    assert "test_tracebacks.py" in text
    assert "failures.py" in text


def test_the_remote_cause_is_in_the_text(failing):
    error = caught(failing.chained)
    assert isinstance(error, KeyError)
    assert "ZeroDivisionError" in str(error)
    assert "direct cause" in str(error)


def test_each_hop_adds_a_traceback(failing):
    def raise_here():
        raise ValueError("from the client")

    error = caught(failing.call, raise_here)
    assert "Remote Traceback (1)" in str(error)
    assert "Remote Traceback (2)" in str(error)
    assert "raise_here" in str(error)


def test_the_traceback_can_be_denied(connect):
    conn = connect("failures:failures", server_config={"include_local_traceback": False})
    error = caught(conn.root.deep, 0)
    assert error._remote_tb.startswith("<traceback denied>")
    assert "exposed_deep" not in str(error)


def test_the_version_of_the_peer_arrives_and_can_be_denied(connect):
    told = caught(connect("failures:failures").root.deep, 0)
    assert told._remote_version[0].isdigit()
    denied = caught(
        connect("failures:failures", server_config={"include_local_version": False}).root.deep, 0
    )
    assert denied._remote_version == "<version denied>"


@without_pure("it does not mention versions")
def test_another_major_version_is_mentioned_in_the_text(connect, rpyc, monkeypatch):
    conn = connect("failures:failures")
    monkeypatch.setattr(submodule(rpyc, "version"), "version", (99, 0, 0))
    monkeypatch.setattr(submodule(rpyc, "version"), "__version__", "99.0.0")
    error = caught(conn.root.deep, 0)
    assert "WARNING: Remote is on RPyC" in str(error)
    assert "local is on RPyC 99.0.0" in str(error)


def test_the_switch_works_while_the_connection_lives(connect):
    conn = connect("failures:failures")
    deep, configure = conn.root.deep, conn.root.configure
    configure("include_local_traceback", False)
    assert caught(deep, 0)._remote_tb.startswith("<traceback denied>")
    configure("include_local_traceback", True)
    assert "exposed_deep" in caught(deep, 0)._remote_tb


def test_the_local_settings_decide_what_the_peer_sees(connect):
    conn = connect("failures:failures", config={"include_local_traceback": False})

    def secret_name():
        raise KeyError("mine")

    _, text, _ = conn.root.catch(secret_name)
    assert "secret_name" not in text
