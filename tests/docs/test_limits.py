"""The page of limits has every limit of the code, with its default and a test that there is."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import pytest
from pages import ROOT

import sinew
from sinew import connecting
from sinew.rpyc.core.config import DEFAULT_CONFIG
from sinew.rpyc.utils import registry

PAGE = (ROOT / "docs/limits.md").read_text()
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "s": 1}


def rows(*columns: str) -> list[dict[str, str]]:
    """Return the rows of all tables with these columns first."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        head, _, *lines = (re.split(r" *\| *", line.strip())[1:-1] for line in table.splitlines())
        if tuple(head[: len(columns)]) == columns:
            found += [dict(zip(head, line, strict=True)) for line in lines]
    return found


KEYS = {row["key"].strip("`"): row for row in rows("key", "default")}
ARGUMENTS = rows("argument", "of")
CONSTANTS = rows("constant", "of")


def value(text: str) -> float | None:
    """Return what a default is, in bytes, seconds or pieces."""
    number, _, unit = text.replace(",", "").partition(" ")
    return None if number == "none" else float(number) * UNITS.get(unit, 1)


def thing(text: str) -> Any:
    """Return what a dotted name stands for: `sinew.dispatch.Dispatcher`."""
    module, _, name = text.strip("`").rpartition(".")
    return getattr(importlib.import_module(module), name)


def is_limit(key: str, default: object) -> bool:
    """Tell whether a key of the configuration is a limit: every number is one, and every time."""
    is_number = isinstance(default, (int, float)) and not isinstance(default, bool)
    return is_number or key.startswith("max_") or key.endswith("_timeout")


def test_every_limit_of_the_configuration_is_on_the_page() -> None:
    assert set(KEYS) == {key for key, default in DEFAULT_CONFIG.items() if is_limit(key, default)}
    assert len(KEYS) > 15


@pytest.mark.parametrize("key", KEYS)
def test_the_default_of_a_key_is_that_of_the_code(key: str) -> None:
    assert value(KEYS[key]["default"]) == DEFAULT_CONFIG[key]


@pytest.mark.parametrize("row", ARGUMENTS, ids=lambda row: f"{row['of']} {row['argument']}")
def test_the_default_of_an_argument_is_that_of_the_code(row: dict[str, str]) -> None:
    parameters = inspect.signature(thing(row["of"])).parameters
    default = parameters[row["argument"].strip("`")].default
    if type(default) is object:  # it depends on the address
        default = connecting._SOCKET_TIMEOUT
    assert value(row["default"]) == default


LIMITING = re.compile(r"max_\w+|\w*timeout|\w+_within|patience|tries")


@pytest.mark.parametrize(
    "name",
    [
        "sinew.connect",
        "sinew.spawn",
        "sinew.Backoff",
        "sinew.TokenAuthenticator",
        "sinew.dispatch.Dispatcher",
        "sinew.rpyc.utils.authenticators.SSLAuthenticator",
    ],
)
def test_every_argument_that_limits_is_on_the_page(name: str) -> None:
    listed = {row["argument"].strip("`") for row in ARGUMENTS if row["of"].strip("`") == name}
    assert listed == {
        parameter
        for parameter in inspect.signature(thing(name)).parameters
        if LIMITING.fullmatch(parameter)
    }


@pytest.mark.parametrize("row", CONSTANTS, ids=lambda row: f"{row['of']} {row['constant']}")
def test_a_constant_has_its_value(row: dict[str, str]) -> None:
    assert value(row["value"]) == getattr(thing(row["of"]), row["constant"].strip("`"))


def test_every_constant_that_limits_is_on_the_page() -> None:
    from sinew.tokens import Tries  # noqa: PLC0415 - imports what clients need not

    listed = {row["constant"].strip("`") for row in CONSTANTS}
    for kind in (Tries, registry.RegistryServer, registry.TCPRegistryServer):
        assert {name for name in vars(kind) if name.isupper()} <= listed


@pytest.mark.parametrize(
    "test", sorted({row["test"].strip("`") for row in [*KEYS.values(), *ARGUMENTS, *CONSTANTS]})
)
def test_each_limit_has_a_test(test: str) -> None:
    file, _, name = test.partition("::")
    path = ROOT / file if file.startswith("src/") else ROOT / "tests/python" / file
    pattern = rf"^TEST\(\w+, {name}\)" if file.startswith("src/") else rf"^def {name}\("
    assert len(re.findall(pattern, path.read_text(), re.MULTILINE)) == 1


def test_the_page_names_the_error() -> None:
    assert {ValueError, RecursionError} <= set(sinew.LimitError.__mro__)
