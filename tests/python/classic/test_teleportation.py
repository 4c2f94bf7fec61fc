"""Functions that travel as bytecode."""

import importlib.util
import opcode
import sys

import pytest

from harness.combos import only, ours_only, stock_bug
from harness.impls import submodule

HERE = ".".join(map(str, sys.version_info[:3]))


def sum_of_squares(first, *rest, scale=1, **named):
    """Has loops, nested code, constants, an exception and every kind of argument."""
    try:
        int("no number")
    except ValueError:
        numbers = [n for n in (first, *rest, *named.values()) if n not in {-1}]
    return scale * sum(map(lambda n: n**2, numbers))  # noqa: C417


def greeting(name="world", *, mark="!", times=(1, 2)):
    return f"hello {name}{mark * len(times)}"


def pid():
    import os  # noqa: PLC0415

    return os.getpid()


def known_there():
    return taught  # noqa: F821 - a name of the other side


def uses_an_undumpable_default(into=[]):  # noqa: B006 - what it is about
    return into


def countdown(n):
    while n:
        yield n
        n -= 1


def test_a_function_runs_at_the_peer(classic):
    assert classic.teleport(pid)() == classic.modules.os.getpid()
    remote = classic.teleport(sum_of_squares)
    assert remote(1, 2, -1, scale=10, more=3) == sum_of_squares(1, 2, -1, scale=10, more=3) == 140
    assert list(classic.teleport(countdown)(3)) == [3, 2, 1]


def test_defaults_and_keyword_defaults_travel_along(classic):
    remote = classic.teleport(greeting)
    assert remote() == "hello world!!"
    assert remote("you", mark="?") == "hello you??"


def test_a_function_is_entered_in_the_namespace_of_the_peer(classic):
    classic.execute("taught = 5")
    classic.teleport(known_there)
    assert classic.eval("known_there()") == 5
    assert classic.eval("known_there.__name__") == "known_there"


def test_it_may_be_given_other_globals_and_left_out_of_them(classic, rpyc):
    namespace = classic.eval("dict(taught=7)")
    remote = submodule(rpyc, "utils.classic").teleport_function(
        classic, known_there, namespace, False
    )
    assert remote() == 7
    assert "known_there" not in namespace


def test_a_closure_is_refused(classic):
    secret = 5
    with pytest.raises(TypeError, match="closure"):
        classic.teleport(lambda: secret)


def test_defaults_that_are_not_values_are_refused(classic):
    with pytest.raises(TypeError, match="defaults"):
        classic.teleport(uses_an_undumpable_default)


@pytest.fixture
def foreign(connect, rpyc):
    """A connection to a peer that takes itself for another Python."""
    conn = connect("classic:slave", client_service=rpyc.ClassicService, fresh=True)
    conn.execute("import importlib.util, sys")
    conn.execute("importlib.util.MAGIC_NUMBER = b'other'; sys.version_info = (3, 99, 1)")
    return conn


@stock_bug("sends bytecode that the peer does not understand", client="stock")
def test_a_peer_with_another_python_is_refused_by_both_versions(foreign):
    with pytest.raises(TypeError) as refused:
        foreign.teleport(pid)
    assert HERE in str(refused.value)
    assert "3.99.1" in str(refused.value)


@only(server="ours")
def test_bytecode_of_another_layout_is_refused_by_who_receives_it(classic, rpyc):
    exported = submodule(rpyc, "utils.teleportation").export_function(pid)
    # By our name: this server's process has stock's module, too.
    receive = classic.modules["sinew.rpyc.utils.teleportation"].import_function
    if sys.version_info >= (3, 11):
        foreign, made_by = exported[4][:16], r"Python 3\.8 to 3\.10"
    else:
        foreign, made_by = (*exported[4], "qualified", b""), r"Python 3\.11"
    with pytest.raises(TypeError, match=rf"{made_by}.*, this is Python {HERE}"):
        receive((*exported[:4], foreign))
    fields = list(exported[4])
    assert isinstance(fields[6], bytes)
    unknown = next(n for n in range(1, 256) if n not in opcode.opmap.values())
    fields[6] = bytes([unknown, 0]) + fields[6][2:]
    with pytest.raises(TypeError, match=rf"another Python version, this is Python {HERE}"):
        receive((*exported[:4], tuple(fields)))


@ours_only
def test_every_function_of_a_module_survives_the_way(lib):
    """What a code object holds is there again, nested code included."""
    teleportation = submodule(lib, "utils.teleportation")
    for function in (sum_of_squares, greeting, countdown, importlib.util.find_spec):
        copy = teleportation.import_function(
            teleportation.export_function(function), {}, def_=False
        )
        assert copy.__code__ == function.__code__
        assert copy.__defaults__ == function.__defaults__
        assert copy.__kwdefaults__ == function.__kwdefaults__
        instructions = [name for name, _ in teleportation.decode_codeobj(copy.__code__)]
        assert {"RETURN_VALUE", "RETURN_CONST"} & set(instructions)
