"""Exceptions as plain values: vinegar."""

import builtins
import importlib
import sys
import traceback

from .values import is_plain
from .wire import RPYC_VERSION, ProtocolError

_EXCEPTION_METHODS = ("with_traceback", "add_note")
_MOST_CLASSES = 1024  # a hostile peer may invent names for ever
_STOP_ITERATION = 1
_REMOTE_LINE = "\n\n========= Remote Traceback ({}) =========\n"


class GenericException(Exception):  # noqa: N818 - RPyC's name
    """An exception whose class this side does not have, or must not use."""


def _sendable(value):
    if isinstance(value, str):
        return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    if is_plain(value):
        return value
    try:
        return repr(value).encode("utf-8", "backslashreplace").decode("utf-8")
    except Exception as error:
        return f"<{type(value).__name__} without repr: {type(error).__name__}>"


def dump_exception(kind, error, tb, with_traceback=True, with_version=True):
    """Return plain values that describe an exception."""
    if kind is StopIteration:
        return _STOP_ITERATION
    text = "<traceback denied>"
    if with_traceback:
        try:
            text = _sendable("".join(traceback.format_exception(kind, error, tb)))
        except Exception as second:
            text = f"<traceback cannot be shown: {type(second).__name__}>"
    attributes = []
    for name in dir(error):
        if not name.startswith("_") and name != "args" and name not in _EXCEPTION_METHODS:
            try:
                attributes.append((name, _sendable(getattr(error, name))))
            except Exception:  # a property of the user's class
                pass
    attributes.append(("_remote_version", RPYC_VERSION if with_version else "<version denied>"))
    args = tuple([_sendable(argument) for argument in error.args])
    return _name_of(kind, error), args, tuple(attributes), text


def _name_of(kind, error):
    """Return (module, class); what is wrong with a message has the names that every peer knows."""
    if not issubclass(kind, ProtocolError):
        return str(kind.__module__), kind.__name__
    deep = getattr(error, "limit", None) in ("max_depth", "max_call_depth")
    return "builtins", "RecursionError" if deep else "ValueError"


def load_exception(value, config):
    """Return the exception that a peer described; never raises, never runs what it names."""
    if value == _STOP_ITERATION:
        return StopIteration()
    try:
        (module, name), args, attributes, text = value
        attributes = dict(attributes)
        if not all(isinstance(part, str) for part in (module, name, text, *attributes)):
            raise TypeError("names and traceback must be text")
    except (TypeError, ValueError) as error:
        return GenericException(f"the peer sent an exception that makes no sense: {error}")
    error = _make_exception(module, name, args if type(args) is tuple else (args,), config)
    for name, attribute in attributes.items():
        if name == "_remote_version" or not (name.startswith("_") or name in _EXCEPTION_METHODS):
            try:
                setattr(error, name, attribute)
            except Exception:  # a read-only attribute
                pass
    error._remote_tb = text
    return error


def _make_exception(module, name, args, config):
    found = None
    if module in ("builtins", "exceptions"):
        found = getattr(builtins, name, None)
    elif config["instantiate_custom_exceptions"]:
        if config["import_custom_exceptions"] and module not in sys.modules:
            try:
                importlib.import_module(module)
            except (Exception, SystemExit):  # whatever it does, the error must arrive
                pass
        found = getattr(sys.modules.get(module), "__dict__", {}).get(name)
    if isinstance(found, type) and issubclass(found, BaseException):
        try:
            kind = _with_remote_text(found)
            error = kind.__new__(kind)
            error.args = args
            return error
        except Exception:  # a class that cannot be made without its arguments
            pass
    return _with_remote_text(_generic_class(module, name))(*args)


_generic_classes = {}
_exception_classes = {}


def _generic_class(module, name):
    key = (module, name)
    if key not in _generic_classes:
        if len(_generic_classes) >= _MOST_CLASSES:
            _exception_classes.pop(_generic_classes.pop(next(iter(_generic_classes))), None)
        shown = f"{module}.{name}".replace("\0", "")[:256]
        _generic_classes[key] = type(shown, (GenericException,), {"__module__": __name__})
    return _generic_classes[key]


def _with_remote_text(kind):
    """Return a subclass of an exception class whose text ends with the remote traceback."""
    found = _exception_classes.get(kind)
    if found is None:
        names = ("__module__", "__qualname__", "__doc__")
        body = {name: getattr(kind, name, None) for name in names}
        for method in ("__str__", "__repr__"):
            body[method] = _text_method(getattr(kind, method))
        found = _exception_classes[kind] = type(kind.__name__, (kind,), body)
    return found


def _text_method(original):
    def text(self):
        try:
            own = original(self)
        except Exception:  # it was made without its __init__
            own = str(self.args)
        remote = getattr(self, "_remote_tb", None)
        if not isinstance(remote, str):
            return own
        hops = remote.count("\n\n========= Remote Traceback ") + 1
        return own + _REMOTE_LINE.format(hops) + remote

    return text
