"""Sending functions to a peer as bytecode, which runs there without anything installed.

    remote = conn.teleport(function)      # a classic connection; `remote(...)` runs at the peer

A function may not be a closure, and its constants and defaults must have a by-value form. Bytecode
is only understood by the Python version that made it: others are refused. A peer imports this
module by its name to receive a function.
"""

import sys
from types import CodeType, FunctionType

from sinew.rpyc.core import brine, netref

CODEOBJ_MAGIC = "MAg1c J0hNNzo0hn ZqhuBP17LQk8"  # in front of code among the constants of code

# What is sent of a code object, by the arguments of its constructor. Python 3.8 to 3.10 has 16.
_HAS_NEW_FIELDS = sys.version_info >= (3, 11)
_FIELDS = (
    *("argcount", "posonlyargcount", "kwonlyargcount", "nlocals", "stacksize", "flags", "code"),
    *("consts", "names", "varnames", "filename", "name"),
    *(["qualname"] if _HAS_NEW_FIELDS else []),
    *("firstlineno", "linetable"),
    *(["exceptiontable"] if _HAS_NEW_FIELDS else []),
    *("freevars", "cellvars"),
)
_CODE, _CONSTS, _NAME = (_FIELDS.index(field) for field in ("code", "consts", "name"))
_MADE_BY = {15: "before 3.8", 16: "3.8 to 3.10", 18: "3.11 or later"}


def export_function(func):
    """Return a function as a tuple to be sent; TypeError for one that cannot be.

    The tuple is its name, module, defaults, keyword defaults as pairs, and the fields of its code.
    """
    defaults, keywords = func.__defaults__, func.__kwdefaults__
    if keywords is not None:
        keywords = tuple(keywords.items())
    if func.__closure__:
        names = ", ".join(func.__code__.co_freevars)
        raise TypeError(f"Cannot export a function closure: {func.__name__} uses {names}")
    for what, value in (("__defaults__", defaults), ("__kwdefaults__", keywords)):
        if not brine.dumpable(value):
            raise TypeError(f"Cannot export a function with non-brinable defaults ({what})")
    return func.__name__, func.__module__, defaults, keywords, _export_code(func.__code__)


def _export_code(code):
    fields = [getattr(code, f"co_{field}") for field in _FIELDS]
    fields[_CONSTS] = tuple(map(_export_constant, code.co_consts))
    return tuple(fields)


def _export_constant(value):
    if isinstance(value, CodeType):
        return CODEOBJ_MAGIC, _export_code(value)
    if not brine.dumpable(value):
        raise TypeError(f"Cannot export a function with non-brinable constants: {value!r}")
    return value


def import_function(functup, globals=None, def_=True):  # noqa: A002 - stock's name
    """Return the function that `export_function` made a tuple of.

    `globals` is the dictionary that it sees, by default that of its module, or of `__main__` if
    there is no such module here; with `def_` the function is entered there. TypeError if its
    bytecode is not that of this Python version.
    """
    name, module, defaults, keywords, fields = functup
    code = _import_code(fields)
    namespace = _globals_of(module) if globals is None else globals
    if isinstance(namespace, netref.BaseNetref):  # a function wants a dictionary of its own side
        from .classic import obtain  # noqa: PLC0415

        namespace = obtain(namespace)
    namespace.setdefault("__builtins__", __builtins__)
    function = FunctionType(code, namespace, name, defaults)
    if keywords is not None:
        function.__kwdefaults__ = dict(keywords)
    if def_:
        namespace[name] = function
    return function


def _globals_of(module):
    try:
        return vars(__import__(module, None, None, "*"))
    except ImportError:
        return vars(sys.modules["__main__"])


def _import_code(fields):
    if len(fields) != len(_FIELDS):
        made_by = _MADE_BY.get(len(fields), "unknown to us")
        raise TypeError(_refusal(f"bytecode of Python {made_by}"))
    unknown = set(fields[_CODE][::2]) - _known_opcodes()
    if unknown:
        raise TypeError(_refusal(f"{fields[_NAME]}() is bytecode of another Python version"))
    fields = list(fields)
    fields[_CONSTS] = tuple(map(_import_constant, fields[_CONSTS]))
    return CodeType(*fields)


def _import_constant(value):
    if isinstance(value, tuple) and len(value) == 2 and value[0] == CODEOBJ_MAGIC:
        return _import_code(value[1])
    return value


def _known_opcodes():
    import opcode  # noqa: PLC0415

    return {*opcode.opmap.values(), 0}  # 0 is a cache between the instructions


def _refusal(what):
    version = ".".join(map(str, sys.version_info[:3]))
    return f"cannot import a function: {what}, this is Python {version}"


def require_same_bytecode(conn):
    """Refuse with a TypeError to send functions to a peer whose Python has other bytecode."""
    from importlib.util import MAGIC_NUMBER  # noqa: PLC0415

    if conn.modules["importlib.util"].MAGIC_NUMBER == MAGIC_NUMBER:
        return
    here, there = (
        ".".join(map(str, version[:3])) for version in (sys.version_info, _version_of(conn))
    )
    raise TypeError(
        f"cannot teleport a function: its bytecode is of Python {here}, the peer runs Python "
        f"{there}; send its source with conn.execute() instead"
    )


def _version_of(conn):
    return tuple(conn.eval("tuple(__import__('sys').version_info[:3])"))


def decode_codeobj(codeobj):
    """Yield (name, argument) for each instruction of a code object."""
    import dis  # noqa: PLC0415

    for instruction in dis.get_instructions(codeobj):
        yield instruction.opname, instruction.argval
