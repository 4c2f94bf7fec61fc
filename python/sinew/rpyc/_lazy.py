"""Names that are looked up when they are first touched, so that importing costs little."""

import importlib
import sys


def lazily(package, places, later=None):
    """Return `__getattr__` and `__dir__` for the module `package`.

    `places` says where each public name is: "utils.factory" for a module, "utils.factory:connect"
    for a member of one, both relative to `sinew.rpyc`. `later` maps the names that stock has and
    this version has not to the reason, which their AttributeError tells.
    """
    namespace = vars(sys.modules[package])
    later = later or {}

    def getattr_(name):
        place = places.get(name)
        if place is None:
            raise AttributeError(_why_missing(package, name, later))
        value = namespace[name] = _fetch(place)
        return value

    def dir_():
        return sorted({*namespace, *places})

    return getattr_, dir_


def _fetch(place):
    module_name, _, member = place.partition(":")
    module = importlib.import_module(f"{__package__}.{module_name}")
    return getattr(module, member) if member else module


def _why_missing(package, name, later):
    text = f"module {package!r} has no attribute {name!r}"
    return f"{text}: {later[name]}" if name in later else text
