"""What programs use: exposing members here; factories, servers and helpers in the modules."""

from sinew.rpyc import _lazy

_DEFAULT_PREFIX = "exposed_"  # that of the default configuration
_PLACES = {
    **{
        name: f"utils.{name}"
        for name in (
            "authenticators",
            "classic",
            "factory",
            "helpers",
            "registry",
            "server",
            "teleportation",
            "zerodeploy",
        )
    },
    "DEFAULT_CONFIG": "core.protocol:DEFAULT_CONFIG",
}

__getattr__, __dir__ = _lazy.lazily(__name__, _PLACES)


def service(cls):
    """Class decorator: make the members that `exposed` marked accessible to peers.

    Each is bound a second time, under its name with the prefix in front. Marked classes inside are
    treated alike.
    """
    import inspect  # noqa: PLC0415 - 10 ms that clients should not pay

    for name in dir(cls):
        member = inspect.getattr_static(cls, name, None)
        # A class method or static method carries the mark itself or on its function.
        marked = (member, getattr(member, "__func__", None))
        prefix = next((m.__exposed__ for m in marked if hasattr(m, "__exposed__")), None)
        if isinstance(prefix, str):
            if inspect.isclass(member):
                service(member)
            setattr(cls, prefix + name, member)
    return cls


def exposed(arg):
    """Mark a function or class for `service`: `@exposed`, or `@exposed("prefix_")`."""
    if isinstance(arg, str):
        return lambda member: _mark(arg, member)
    if callable(arg) or hasattr(arg, "__get__"):
        return _mark(_DEFAULT_PREFIX, arg)
    raise TypeError(f"exposed() takes a function, a class or a prefix, not {type(arg).__name__}")


def _mark(prefix, member):
    member.__exposed__ = prefix
    return member
