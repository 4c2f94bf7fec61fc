"""Saying which members of an object a peer may use."""

from typing import Any, TypeVar

from sinew.rpyc.core.service import Service

_T = TypeVar("_T")

_MARK = "__sinew_exposed__"


def expose(member: _T) -> _T:
    """Mark a method, property, static or class method, or nested class as open to peers.

    On a class, all its public members are open.
    """
    if isinstance(member, type):
        for name, value in list(vars(member).items()):
            if not name.startswith("_"):
                _mark(value)
        setattr(member, _MARK, True)
        return member
    if not _mark(member):
        raise TypeError(f"expose() takes a function, property or class, not {member!r}")
    return member


def _mark(member: Any) -> bool:
    """Mark what can be marked; tell whether it could."""
    target = member
    if isinstance(member, property):
        target = member.fget
    elif isinstance(member, (staticmethod, classmethod)):
        target = member.__func__
    try:
        setattr(target, _MARK, True)
    except AttributeError:
        return False
    return True


def is_exposed(kind: type, name: str) -> bool:
    """Tell whether members called `name` of instances of the class `kind` are open to peers."""
    for base in kind.__mro__:
        if name not in vars(base):
            continue
        member = vars(base)[name]
        if isinstance(member, property):
            member = member.fget
        elif isinstance(member, (staticmethod, classmethod)):
            member = member.__func__
        return getattr(member, _MARK, False) is True
    return False


def service_of(thing: Any) -> Any:
    """Return what to give to a server for `thing`.

    A `rpyc.Service`, class or instance, is that itself. Of any other object the exposed members
    are offered, and nothing else. TypeError if it has none.
    """
    kind = thing if isinstance(thing, type) else type(thing)
    if issubclass(kind, Service):
        return thing
    if not any(is_exposed(kind, name) for name in dir(kind)):
        raise TypeError(f"{kind.__name__} exposes nothing: mark what peers may use, @sinew.expose")
    if isinstance(thing, type):
        return type(
            f"{kind.__name__}Service", (_Exposed,), {"_make": thing, "ALIASES": [kind.__name__]}
        )
    return _Exposed(thing)


class _Exposed(Service):
    """Offers the exposed members of one object."""

    _make: Any = None

    def __init__(self, target: Any = None) -> None:
        self._target = self._make() if target is None else target

    def _rpyc_getattr(self, name: str) -> Any:
        if not is_exposed(type(self._target), name):
            raise AttributeError(f"{type(self._target).__name__} does not expose {name!r}")
        return getattr(self._target, name)

    def _rpyc_setattr(self, name: str, value: Any) -> None:
        member = getattr(type(self._target), name, None)
        if not isinstance(member, property) or not is_exposed(type(self._target), name):
            raise AttributeError(f"{type(self._target).__name__} does not expose {name!r}")
        setattr(self._target, name, value)

    def __repr__(self) -> str:
        return f"<exposed {self._target!r}>"
