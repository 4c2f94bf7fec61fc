"""Saying which members of an object a peer may use."""

from typing import Any, TypeVar

from sinew._sinew import is_exposed
from sinew.rpyc.core.service import Service

_T = TypeVar("_T")

_MARK = "__sinew_exposed__"


def expose(member: _T) -> _T:
    """Mark a method, property, static or class method, or nested class as open to peers.

    On a class, all public members that its body defines are open. The mark counts for every object
    that a peer gets hold of, whatever returned it. A property that can be set can be set by peers.
    """
    # A class is marked with itself, so that a subclass is not marked by inheriting.
    mark = member if isinstance(member, type) else True
    target: Any = member
    if isinstance(member, property):
        target = member.fget
    elif isinstance(member, (staticmethod, classmethod)):
        target = member.__func__
    try:
        setattr(target, _MARK, mark)
    except (AttributeError, TypeError):
        raise TypeError(f"expose() takes a function, property or class, not {member!r}") from None
    return member


def service_of(thing: Any) -> Any:
    """Return what to give to a server for `thing`.

    A `rpyc.Service`, class or instance, is that itself. Of any other object the exposed members
    are offered, and nothing else. TypeError if it has none. As of a service, its `on_connect(conn)`
    and `on_disconnect(conn)` are called, if it has them, for each client.
    """
    kind = thing if isinstance(thing, type) else type(thing)
    if issubclass(kind, Service):
        return thing
    if isinstance(thing, (int, str)):
        raise TypeError(
            f"{thing!r} is nothing to serve: the object comes first, then the address, as in "
            "sinew.serve(Calculator(), 'tcp://127.0.0.1:18861')"
        )
    if not _exposed_names(kind):
        raise TypeError(f"{kind.__name__} exposes nothing: mark what peers may use, @sinew.expose")
    # Named and described like the class: that is what a peer sees of it.
    face = {"__module__": kind.__module__, "__doc__": kind.__doc__, "ALIASES": [kind.__name__]}
    # Only what it has: a server lets a client wait without a thread that nobody is to be told of.
    hooks = {name: hook for name, hook in _HOOKS.items() if callable(getattr(kind, name, None))}
    service = type(kind.__name__, (_Exposed,), {**face, **hooks, "_make": kind})
    return service if isinstance(thing, type) else service(thing)


def _exposed_names(kind: type) -> list[str]:
    return [name for name in dir(kind) if is_exposed(kind, name)]


def _on_connect(self: Any, conn: Any) -> None:
    self._target.on_connect(conn)


def _on_disconnect(self: Any, conn: Any) -> None:
    self._target.on_disconnect(conn)


_HOOKS = {"on_connect": _on_connect, "on_disconnect": _on_disconnect}


class _Exposed(Service):
    """Offers the exposed members of one object."""

    _make: Any = None

    def __init__(self, target: Any = None) -> None:
        self._target = self._make() if target is None else target

    def _rpyc_getattr(self, name: str) -> Any:
        if name == "__doc__":
            return type(self._target).__doc__
        if not is_exposed(type(self._target), name):
            raise AttributeError(f"{type(self._target).__name__} does not expose {name!r}")
        return getattr(self._target, name)

    def _rpyc_setattr(self, name: str, value: Any) -> None:
        member = getattr(type(self._target), name, None)
        if not isinstance(member, property) or not is_exposed(type(self._target), name):
            raise AttributeError(f"{type(self._target).__name__} does not expose {name!r}")
        setattr(self._target, name, value)

    def __dir__(self) -> list[str]:
        return _exposed_names(type(self._target))

    def _sinew_methods(self) -> list[tuple[str, str | None]]:
        """Return (name, documentation) of the methods that a peer may use, for its `help()`."""
        from sinew.rpyc.lib import get_methods  # noqa: PLC0415

        return [
            (name, doc)
            for name, doc in get_methods(frozenset(), self._target)
            if is_exposed(type(self._target), name)
        ]

    def __repr__(self) -> str:
        return f"<exposed {self._target!r}>"
