"""What the pure peer has to have of its own, as it travels alone, is what `sinew.rpyc` has."""

import importlib
import types

import pytest

# What `sinew.rpyc` has beyond, and why the pure peer goes without.
LEFT_OUT = {
    "bind_threads": "another framing",
    "extensions": "it knows none",
    "offer_extensions": "it knows none",
    "heartbeat": "an extension, and it has no caretaker",
    "max_unsent_bytes": "it has no dispatchers",
    "dispatcher": "calls run on the thread that reads them",
    "first_frame_timeout": "it has no caretaker",
    "frame_timeout": "it has no caretaker",
    "max_first_frame_size": "it serves who started it",
    "max_connections_per_source": "it serves who started it",
}
# CPython has that limit by itself since 3.11; the pure peer is for 3.8, too.
BEYOND = {"max_int_digits": 4300}


@pytest.fixture
def pure(sinew):
    return importlib.import_module("sinew.pure")


@pytest.fixture
def face(sinew):
    return importlib.import_module("sinew.rpyc")


def part(package, name):
    return importlib.import_module(f"{package.__name__}.{name}")


def test_the_safe_attributes_are_the_same(pure, face):
    assert part(pure, "wire").SAFE_ATTRS == part(face, "core.config").SAFE_ATTRS
    assert pure.DEFAULT_CONFIG["safe_attrs"] == part(pure, "wire").SAFE_ATTRS


def test_the_defaults_are_the_same_but_for_what_is_left_out(pure, face):
    theirs = dict(part(face, "core.config").DEFAULT_CONFIG)
    assert {key for key in theirs if key not in pure.DEFAULT_CONFIG} == set(LEFT_OUT)
    for key in LEFT_OUT:
        del theirs[key]
    assert {**theirs, **BEYOND} == pure.DEFAULT_CONFIG


def test_every_limit_of_it_is_read_somewhere(pure):
    """A key that nothing reads would promise what is not done."""
    read = set()
    for name in "boxes connection handlers reading sending serving servers streams values".split():
        for thing in vars(part(pure, name)).values():
            if isinstance(thing, type) and thing.__module__ == f"{pure.__name__}.{name}":
                read |= constants(thing)
    limits = {key for key in pure.DEFAULT_CONFIG if key.startswith("max_") or "timeout" in key}
    assert len(limits) > 10
    assert limits <= read


def constants(kind):
    """Return the texts in the code of a class's methods."""
    found = set()
    codes = [member.__code__ for member in vars(kind).values() if hasattr(member, "__code__")]
    while codes:
        code = codes.pop()
        found |= {text for text in code.co_consts if isinstance(text, str)}
        codes += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
    return found


def test_the_numbers_of_the_wire_are_the_same(pure, face):
    ours, consts = part(pure, "wire"), vars(part(face, "core.consts"))
    handlers = {
        name[len("HANDLE_") :]: n for name, n in consts.items() if name.startswith("HANDLE_")
    }
    assert {name: getattr(ours, name) for name in handlers} == handlers
    assert {name.upper(): n for n, name in enumerate(ours.HANDLER_NAMES, 1)} == handlers
    assert set(pure.Connection._HANDLERS) == set(handlers.values())
    for kind in "REQUEST REPLY EXCEPTION".split():
        assert getattr(ours, kind) == consts[f"MSG_{kind}"]
    for label in "VALUE TUPLE LOCAL_REF REMOTE_REF".split():
        assert getattr(ours, label) == consts[f"LABEL_{label}"]


def test_each_handler_has_its_number_and_takes_the_same_arguments(pure, face):
    theirs = face.Connection._request_handlers()
    for number, handler in pure.Connection._HANDLERS.items():
        assert handler.__name__ == theirs[number].__name__
        assert arguments(handler) == arguments(theirs[number])


def arguments(function):
    """Return how many arguments a handler takes, the least and the most."""
    most = function.__code__.co_argcount
    return most - len(function.__defaults__ or ()), most


def test_version_and_family_are_the_same(pure, face):
    assert pure.__version__ == face.__version__


@pytest.mark.parametrize("name", ["Service", "SlaveService", "MasterService", "ClassicService"])
def test_services_have_the_same_members(pure, face, name):
    def members(package):
        return {
            member
            for member in dir(getattr(package, name)())
            if not member.startswith("_") or member.startswith("_rpyc")
        }

    assert members(pure) == members(face)


def test_classic_mode_opens_the_same(pure, face):
    def opened(package):
        conn = types.SimpleNamespace(_config={})
        package.SlaveService().on_connect(conn)
        return conn._config

    assert opened(pure) == opened(face)


def test_a_master_has_the_same_names_but_for_teleporting(pure, face):
    def given(package):
        conn = types.SimpleNamespace()
        conn.root = package.SlaveService()
        package.MasterService().on_connect(conn)
        return set(vars(conn))

    assert given(face) - given(pure) == {"teleport"}
    assert given(pure) <= given(face)


@pytest.mark.parametrize("name", ["FooService", "service", "Foo", "fooservice"])
def test_services_are_named_alike(pure, face, name):
    def named(package, **members):
        return type(name, (package.Service,), members).get_service_aliases()

    assert named(pure) == named(face)
    assert named(pure, ALIASES=["a", "B"]) == named(face, ALIASES=["a", "B"]) == ("A", "B")
