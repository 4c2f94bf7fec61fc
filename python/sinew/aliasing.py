"""Making `import rpyc` mean Sinew."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

TYPE_CHECKING = False  # importing typing, even to ask it this, takes 4 ms
if TYPE_CHECKING:
    from typing import Any

_PACKAGES = {"rpyc": "sinew.rpyc"}


class _Alias:
    """Finds `alias.x.y` as the module `real.x.y`, which keeps its own name."""

    def __init__(self, alias: str, real: str) -> None:
        self._alias = alias
        self._real = real

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != self._alias and not name.startswith(f"{self._alias}."):
            return None
        real = self._real + name[len(self._alias) :]
        try:
            importlib.import_module(real)
        except ModuleNotFoundError as error:
            if error.name == real:
                return None
            raise
        loader: Any = _Loader(real)  # has what the import system calls, and no base class
        return ModuleSpec(name, loader, is_package=hasattr(sys.modules[real], "__path__"))


class _Loader:
    """Loads a module that is there already."""

    def __init__(self, real: str) -> None:
        self._real = real
        self._spec = sys.modules[real].__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return sys.modules[self._real]

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just put the alias's own into it.
        module.__spec__ = self._spec

    def get_code(self, name: str) -> CodeType | None:
        # For `python -m`, which runs the module anew under another name.
        loader: Any = self._spec.loader if self._spec is not None else None
        code: CodeType | None = loader.get_code(self._real)
        return code


def install_as(name: str = "rpyc") -> None:
    """Have `import rpyc`, anywhere in this process from now on, import `sinew.rpyc`.

    To be called before the first `import rpyc`: RuntimeError if another one is imported already.
    """
    if name not in _PACKAGES:
        raise ValueError(f"Sinew can stand in for {', '.join(_PACKAGES)}, not for {name!r}")
    real = importlib.import_module(_PACKAGES[name])
    known = sys.modules.get(name)
    if known is real:
        return
    if known is not None and not getattr(known, "_is_sinew_shim", False):
        raise RuntimeError(f"{name} is imported already: {known!r}")
    sys.meta_path.insert(0, _Alias(name, _PACKAGES[name]))
    sys.modules[name] = real
