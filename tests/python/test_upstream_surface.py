"""Every public name of stock that belongs to this stage exists here, with its parameters."""

import importlib
import inspect

import pytest

from harness.presence import require

LATER = {
    "rpyc.utils.teleportation": {
        "CODE_HAVEARG_SIZE",
        "is_py_gte38",
        "is_py_gte310",
        "is_py_gte311",
    },
    "rpyc.core.stream": {"NamedPipeStream", "Win32PipeStream"},
    "rpyc.core.brine": {"register"},
    "rpyc.core.netref": {"asyncreq", "syncreq", "class_factory"},
    "rpyc.core.protocol": set(),
    "rpyc.lib.compat": {"PollingPoll", "with_metaclass"},
}
MODULES = (
    "rpyc.utils.factory",
    "rpyc.utils.classic",
    "rpyc.utils.helpers",
    "rpyc.utils",
    "rpyc.utils.server",
    "rpyc.utils.authenticators",
    "rpyc.utils.registry",
    "rpyc.utils.teleportation",
    "rpyc.utils.zerodeploy",
    "rpyc.core.service",
    "rpyc.core.protocol",
    "rpyc.core.async_",
    "rpyc.core.netref",
    "rpyc.core.stream",
    "rpyc.core.channel",
    "rpyc.core.brine",
    "rpyc.core.vinegar",
    "rpyc.lib",
    "rpyc.lib.colls",
    "rpyc.lib.compat",
    "rpyc.core.consts",
    "rpyc.version",
)
# Members of stock's classes that only its own implementation calls; the engine makes results and
# netrefs without a constructor that a program could use.
INNER_MEMBERS = {
    "rpyc.core.async_.AsyncResult": {"__init__"},
    "rpyc.core.netref.BaseNetref": {"__init__"},
    # A parameter of its constructor is a script, by default another one: see below.
    "rpyc.utils.zerodeploy.DeployedServer": {"__init__"},
    "rpyc.utils.server.ForkingServer": {"_handle_sigchld"},
    "rpyc.utils.server.GeventServer": {"_register"},
    "rpyc.utils.server.Server": {"_bg_register", "_register"},
    "rpyc.utils.server.ThreadPoolServer": {
        "_listen",
        "_remove_from_inactive_connection",
        "_drop_connection",
        "_add_inactive_connection",
        "_handle_poll_result",
        "_poll_inactive_clients",
        "_serve_requests",
        "_serve_clients",
        "_authenticate_and_build_connection",
    },
}


def public_names(module):
    """Return the names that a module defines itself for others to use."""
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and getattr(value, "__module__", module.__name__).startswith(module.__name__)
    )


def surface():
    """Return (module, name) for each public name that stock offers at this stage."""
    pairs = []
    for module in MODULES:
        stock = importlib.import_module(module)
        pairs += [
            (module, name) for name in public_names(stock) if name not in LATER.get(module, ())
        ]
    return pairs


def parameters(function):
    """Return name, kind and plain default of each parameter, or None if it tells none."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    return [(p.name, p.kind, plain(p.default)) for p in signature.parameters.values()]


def without_additions(ours, stock):
    """Leave out the options that only we have: they can be given by name alone."""
    names = {name for name, _, _ in stock or ()}
    return ours and [p for p in ours if p[0] in names or p[1] is not inspect.Parameter.KEYWORD_ONLY]


def plain(default):
    """Compare defaults by value where they are values, and by name where they are classes."""
    if inspect.isclass(default):
        return default.__qualname__
    return "function" if callable(default) else default


def ours_of(module):
    require("ours")
    return importlib.import_module(f"sinew.{module}")


def class_members(module, name, kind):
    inner = INNER_MEMBERS.get(f"{module}.{name}", ())
    return [
        member
        for member, value in vars(kind).items()
        if inspect.isfunction(inspect.unwrap(value))
        and member not in inner
        and (not member.startswith("_") or member == "__init__")
    ]


@pytest.mark.parametrize(("module", "name"), surface())
def test_a_name_of_stock_exists_with_its_module_and_parameters(module, name):
    ours = ours_of(module)
    stock_value = getattr(importlib.import_module(module), name)
    value = getattr(ours, name)
    if inspect.isclass(stock_value):
        assert inspect.isclass(value)
        assert value.__module__ == stock_value.__module__
        compare_members(module, name, stock_value, value)
    elif inspect.isfunction(stock_value):
        told = parameters(stock_value)
        assert without_additions(parameters(value), told) == told


def compare_members(module, name, stock_class, our_class):
    """Check that the public methods of a class exist and take the same parameters."""
    for member in class_members(module, name, stock_class):
        ours, theirs = getattr(our_class, member), getattr(stock_class, member)
        if inspect.ismethoddescriptor(ours):
            continue  # of the engine: CPython 3.13 tells its parameters, all by position
        told = parameters(ours)
        if told is not None and told[:1] != [
            ("args", inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.empty)
        ]:
            expected = parameters(theirs)
            assert without_additions(told, expected) == expected, member


def test_the_top_level_has_every_name_of_stock():
    require("ours")
    stock, ours = importlib.import_module("rpyc"), importlib.import_module("sinew.rpyc")
    names = {name for name in vars(stock) if not name.startswith("_")}
    missing = sorted(name for name in names if not hasattr(ours, name))
    assert missing == []
    assert set(dir(ours)) >= names


def test_deploying_takes_what_stock_takes(stock_version):
    if stock_version != "6.0.2":
        pytest.skip("as of 6.0")
    stock = importlib.import_module("rpyc.utils.zerodeploy").DeployedServer
    told, ours = parameters(stock), parameters(ours_of("rpyc.utils.zerodeploy").DeployedServer)
    script = [name for name, _, _ in told].index("server_script")
    assert ours[:script] + ours[script + 1 :] == told[:script] + told[script + 1 :]
    assert ours[script][:2] == told[script][:2]


def test_pipes_of_windows_say_why_they_are_missing():
    stream = ours_of("rpyc.core.stream")
    for name in ("NamedPipeStream", "Win32PipeStream"):
        with pytest.raises(AttributeError, match="Linux"):
            getattr(stream, name)


def test_the_old_name_of_the_module_of_results():
    assert ours_of("rpyc.core.async").AsyncResult is ours_of("rpyc.core.async_").AsyncResult


def test_the_version_is_the_one_of_the_newest_stock():
    version = ours_of("rpyc.version")
    assert tuple(map(int, version.version)) == (6, 0, 2)
    assert version.__version__ == "6.0.2"
