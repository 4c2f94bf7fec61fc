"""The implementations under test, and how to import each of them."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

OURS = "ours"
STOCK = "stock"
PURE = "pure"
IMPLEMENTATIONS = (OURS, STOCK)  # PURE plays in the tests that say so: combos.with_pure
DEFAULT_STOCK = "6.0.2"
STOCK_VERSIONS = ("6.0.2", "5.3.1")

_EXTRA_PATH: list[str] = []
_PACKAGE = {OURS: "sinew.rpyc", STOCK: "rpyc", PURE: "sinew.pure"}


def peers_folder(version: str) -> Path:
    """Return the folder that holds the stock `version` beside the environment's own one."""
    return Path(sys.prefix) / "peers" / f"rpyc-{version}"


def select_stock(version: str) -> None:
    """Make `import rpyc` mean the stock `version`; call before anything imports it."""
    if version == DEFAULT_STOCK:
        return
    folder = peers_folder(version)
    if not (folder / "rpyc").is_dir():
        raise RuntimeError(f"stock RPyC {version} is not installed in {folder}")
    sys.path.insert(0, str(folder))
    _EXTRA_PATH.append(str(folder))


def extra_path() -> list[str]:
    """Return what a child process must put in front of its path to see the same stock."""
    return list(_EXTRA_PATH)


def package_name(implementation: str) -> str:
    """Return the import name of an implementation: "rpyc" or "sinew.rpyc"."""
    return _PACKAGE[implementation]


def load(implementation: str) -> ModuleType:
    """Import and return the package of an implementation; ImportError if it is not there."""
    return importlib.import_module(_PACKAGE[implementation])


def submodule(package: ModuleType, name: str) -> ModuleType:
    """Return `package.name`, importing it: `submodule(rpyc, "utils.server")`.

    The pure peer has all its names in one place.
    """
    if package.__name__ == _PACKAGE[PURE]:
        return package
    return importlib.import_module(f"{package.__name__}.{name}")


def why_missing(implementation: str) -> str | None:
    """Return why an implementation cannot be used, or None if it can."""
    try:
        load(implementation)
    except ImportError as error:
        return f"{implementation} cannot be imported: {error}"
    return None


def must_be_present() -> bool:
    """Tell whether a missing implementation of ours is an error rather than a skip."""
    return os.environ.get("SINEW_REQUIRE") == "1"
