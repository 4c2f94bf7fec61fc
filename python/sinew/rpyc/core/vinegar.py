"""Exceptions on the wire.

`dump` turns an exception into plain values; `load` turns what a peer sent into an exception. What a
peer sends is data: `load` makes exceptions of built-in classes, of classes that this side has and
the configuration admits, and otherwise of a `GenericException` with the name the peer told. It
imports a module only if told to, and never calls anything but the constructor of an exception.
"""

import builtins
import sys
from contextlib import suppress

from sinew.rpyc import version

from .config import DEFAULT_CONFIG
from .consts import EXC_STOP_ITERATION

REMOTE_LINE_START = "\n\n========= Remote Traceback "
REMOTE_LINE_END = " =========\n"
REMOTE_LINE = REMOTE_LINE_START + "({})" + REMOTE_LINE_END

_TRACEBACK_DENIED = "<traceback denied>"
_VERSION_DENIED = "<version denied>"
_WARNING = "\nWARNING: Remote is on RPyC {} and local is on RPyC {}.\n\n"
# Not state of the exception but its methods, which stock sends as text or skips.
_METHODS = frozenset(("with_traceback", "add_note"))
# A hostile peer may invent names for ever; beyond this many the older classes are forgotten.
_MOST_GENERIC_CLASSES = 1024
_LONGEST_NAME = 256

# A limit that was reached travels as the built-in exception that stock peers know, with the name of
# the option as an attribute, by which peers of ours know it.
_LIMIT_ERROR = ("sinew", "LimitError")
_LIMITS = frozenset(("max_pending", *(key for key in DEFAULT_CONFIG if key.startswith("max_"))))
_LIMITS_OF_DEPTH = frozenset(("max_depth", "max_call_depth"))


class GenericException(Exception):  # noqa: N818 - the name is part of the interface
    """An exception whose class this side does not have or must not use.

    The name of its class is that of the remote class; arguments and attributes are the remote ones.
    """

    __module__ = "rpyc.core.vinegar"


def dump(typ, val, tb, include_local_traceback, include_local_version):
    """Return plain values that describe an exception.

    That is 1 for StopIteration, otherwise `((module, class), args, attributes, traceback text)`.
    Arguments and attributes that are no values travel as their `repr`.
    """
    if typ is StopIteration:
        return EXC_STOP_ITERATION
    if isinstance(typ, str):
        return typ
    text = _format(typ, val, tb) if include_local_traceback else _TRACEBACK_DENIED
    args = tuple(_as_value(argument) for argument in _args_of(val))
    told = version.__version__ if include_local_version else _VERSION_DENIED
    attributes = (*_attributes(val), ("_remote_version", told))
    return _name_of(typ, val), args, attributes, text


def _name_of(typ, exception):
    name = (str(typ.__module__), typ.__name__)
    if name != _LIMIT_ERROR:
        return name
    limit = getattr(exception, "limit", None)
    is_depth = _is_limit(limit) and limit in _LIMITS_OF_DEPTH
    return "builtins", "RecursionError" if is_depth else "ValueError"


def _args_of(exception):
    args = getattr(exception, "args", ())
    return args if type(args) is tuple else ()


def _format(typ, val, tb):
    import traceback  # noqa: PLC0415 - not needed before the first error

    try:
        text = "".join(traceback.format_exception(typ, val, tb))
    except Exception as error:
        text = f"<traceback of {typ.__name__} cannot be shown: {type(error).__name__}>"
    return _encodable(text)


def _attributes(exception):
    """Yield name and value of what `dir` shows beyond arguments, methods and private names."""
    for name in dir(exception):
        if name.startswith("_") or name == "args" or name in _METHODS:
            continue
        try:
            value = getattr(exception, name)
        except Exception:  # noqa: S112, RUF100 - a property of the user's class
            continue
        yield name, _as_value(value)


def _as_value(value):
    """Return a value as it is, anything else as its `repr`."""
    from .brine import dumpable  # noqa: PLC0415 - the extension, not needed to define this module

    if isinstance(value, str):
        return _encodable(str(value))
    if dumpable(value):
        return value
    try:
        return _encodable(repr(value))
    except Exception as error:
        return f"<{type(value).__name__} without repr: {type(error).__name__}>"


def _encodable(text):
    """Return text that UTF-8 can carry: a lone surrogate would end the connection."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def load(
    val, import_custom_exceptions, instantiate_custom_exceptions, instantiate_oldstyle_exceptions
):
    """Return the exception that a peer described.

    Classes outside of `builtins` are used only with `instantiate_custom_exceptions`, and only if
    their module is loaded or `import_custom_exceptions` allows to import it. A description that
    cannot be understood gives a GenericException that says so; this function does not raise.
    """
    if val == EXC_STOP_ITERATION:
        return StopIteration()
    if isinstance(val, str):  # how Python 2 peers send exceptions that are text
        return GenericException(val)
    try:
        (module, name), args, attributes, text = val
        attributes = dict(attributes)
        if not all(isinstance(part, str) for part in (module, name, text, *attributes)):
            raise TypeError("names and traceback must be text")
    except (TypeError, ValueError) as error:
        return GenericException(f"the peer sent an exception that makes no sense: {error}")
    args = args if isinstance(args, tuple) else (args,)
    if import_custom_exceptions:
        _try_import(module)
    if module == "builtins" and _is_limit(attributes.get("limit")):
        from sinew._sinew import LimitError as found  # noqa: N813, PLC0415 - as with dumpable
    else:
        found = _find_class(module, name, instantiate_custom_exceptions)
    exception = _build(found, module, name, args)
    _set_attributes(exception, attributes)
    exception._remote_tb = text + _version_warning(attributes.get("_remote_version"))
    return exception


def _is_limit(value):
    return isinstance(value, str) and value in _LIMITS


def _try_import(module):
    if module not in sys.modules:
        with suppress(Exception, SystemExit):  # whatever the module does, the error must arrive
            __import__(module)


def _find_class(module, name, custom):
    """Return the exception class of that name, or None if there is none to be used."""
    if module in ("builtins", "exceptions"):  # the latter: Python 2
        found = getattr(builtins, name, None)
    elif custom and module in sys.modules:
        # Through the dictionary: a module's own __getattr__ may import or do anything.
        found = getattr(sys.modules[module], "__dict__", {}).get(name)
    else:
        return None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _build(found, module, name, args):
    """Make the exception without running `__init__`, whose parameters nobody knows here."""
    if found is not None:
        try:
            exception = _with_remote_text(found)
            exception = exception.__new__(exception)
            exception.args = args
        except Exception:
            pass  # a class that cannot be made without its arguments: an exception group
        else:
            return exception
    generic = _with_remote_text(_generic_class(module, name))
    return generic(*args)


def _set_attributes(exception, attributes):
    for name, value in attributes.items():
        if (name.startswith("_") and name != "_remote_version") or name in _METHODS:
            continue  # stock never sends private names; a hostile peer might
        with suppress(Exception):  # a read-only attribute
            setattr(exception, name, value)


def _version_warning(remote):
    if not isinstance(remote, str) or remote == _VERSION_DENIED:
        return ""
    if remote.split(".")[0] == str(version.version[0]):
        return ""
    return _WARNING.format(remote, version.__version__)


_generic_exceptions_cache = {}
_exception_classes_cache = {}


def _generic_class(module, name):
    """Return the class that stands for the unknown class `name` of `module`."""
    key = (module, name)
    found = _generic_exceptions_cache.get(key)
    if found is None:
        while len(_generic_exceptions_cache) >= _MOST_GENERIC_CLASSES:
            _forget_oldest_generic()
        shown = _encodable(f"{module}.{name}").replace("\0", "")[:_LONGEST_NAME]
        place = f"{GenericException.__module__}/{_encodable(module)[:_LONGEST_NAME]}"
        found = type(shown, (GenericException,), {"__module__": place})
        _generic_exceptions_cache[key] = found
    return found


def _forget_oldest_generic():
    oldest = next(iter(_generic_exceptions_cache))
    dropped = _generic_exceptions_cache.pop(oldest, None)
    _exception_classes_cache.pop(dropped, None)


def _with_remote_text(cls):
    """Return a subclass of `cls`, alike but for its text, which ends with the remote traceback."""
    found = _exception_classes_cache.get(cls)
    if found is None:

        class Derived(cls):
            def __str__(self):
                return _append_remote(self, _text_of(super().__str__, self))

            def __repr__(self):
                return _append_remote(self, _text_of(super().__repr__, self))

        Derived.__name__ = cls.__name__
        Derived.__qualname__ = cls.__qualname__
        Derived.__module__ = cls.__module__
        Derived.__doc__ = cls.__doc__
        found = _exception_classes_cache[cls] = Derived
    return found


def _text_of(function, exception):
    """Return the text of an exception that was made without its `__init__`."""
    try:
        return function()
    except Exception:
        return str(exception.args)


def _append_remote(exception, text):
    remote = getattr(exception, "_remote_tb", None)
    if not isinstance(remote, str):
        return text
    hops = remote.count(REMOTE_LINE_START) + 1
    return f"{text}{REMOTE_LINE.format(hops)}{remote}"
