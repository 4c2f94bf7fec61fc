"""The walk from RPyC and its reference name everything that a program of RPyC's may use."""

from __future__ import annotations

import inspect
import re

import pytest
from pages import ROOT

from sinew import rpyc
from sinew.rpyc.cli import rpyc_classic, rpyc_registry
from sinew.rpyc.core.config import DEFAULT_CONFIG
from sinew.rpyc.utils import classic, factory, registry, server, zerodeploy

PAGES = ("docs/from-rpyc.md", "docs/porting.md", "docs/limits.md")
TEXT = "\n".join((ROOT / page).read_text() for page in PAGES)
NAMED = set(re.findall(r"-?-?[A-Za-z_]\w*(?:-\w+)*", TEXT))


def is_server(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, server.Server)


def options(parser: object) -> set[str]:
    """Return the long options of a program."""
    return {text for action in parser._actions for text in action.option_strings if "--" in text}


THINGS = {
    "keys of the configuration": set(DEFAULT_CONFIG),
    "servers": {name for name, it in vars(server).items() if is_server(it)},
    "factories": {
        name for name in vars(factory) if re.match(r"connect_|\w+_connect|discover", name)
    },
    "tools of classic mode": {name for name in classic.__all__ if name.islower()},
    "registries": {name for name in dir(registry) if re.fullmatch(r"(TCP|UDP)\w+", name)},
    "deployments": {"DeployedServer", "MultiServerDeployment"} & set(dir(zerodeploy)),
    "names of the package": {
        name
        for name in rpyc.__all__
        if not inspect.ismodule(getattr(rpyc, name)) and not name.startswith("_")
    },
    "options of rpyc_classic": options(rpyc_classic._parser("rpyc_classic")) - {"--help-all"},
    "options of rpyc_registry": options(rpyc_registry._parser("rpyc_registry")) - {"--help-all"},
}


@pytest.mark.parametrize("kind", THINGS)
def test_everything_of_a_kind_is_named(kind: str) -> None:
    assert len(THINGS[kind]) >= 2
    assert sorted(THINGS[kind] - NAMED) == []
