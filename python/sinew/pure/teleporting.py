"""Functions that a peer sends as bytecode (RPyC's teleportation)."""

import sys
from types import CodeType, FunctionType

_MAGIC = "MAg1c J0hNNzo0hn ZqhuBP17LQk8"  # in front of code among the constants of code
_CODE, _CONSTS = 6, 7  # places in what describes code: the arguments of CodeType
_COUNT = 18 if sys.version_info >= (3, 11) else 16


def import_function(functup, globals=None, def_=True):  # noqa: A002 - RPyC's name
    """Return the function that a peer's `export_function` made a tuple of.

    `globals` is the dictionary that it sees, by default that of its module, or of `__main__`; with
    `def_` the function is entered there. TypeError if its bytecode is of another Python version.
    """
    name, module, defaults, keywords, fields = functup
    code = _import_code(fields)
    if globals is None:
        globals = vars(sys.modules.get(module) or sys.modules["__main__"])  # noqa: A001
    if not isinstance(globals, dict):
        raise TypeError("the globals of a function must be a dictionary of this side")
    globals.setdefault("__builtins__", __builtins__)
    function = FunctionType(code, globals, name, defaults)
    function.__kwdefaults__ = None if keywords is None else dict(keywords)
    if def_:
        globals[name] = function
    return function


def _import_code(fields):
    import opcode  # noqa: PLC0415 - few need it

    known = {*opcode.opmap.values(), 0}  # 0 is a cache between the instructions
    if len(fields) != _COUNT or set(fields[_CODE][::2]) - known:
        version = ".".join(map(str, sys.version_info[:3]))
        raise TypeError(
            f"cannot import a function: its bytecode is of another Python, this is {version}"
        )
    fields = list(fields)
    fields[_CONSTS] = tuple([_import_constant(value) for value in fields[_CONSTS]])
    return CodeType(*fields)


def _import_constant(value):
    if isinstance(value, tuple) and len(value) == 2 and value[0] == _MAGIC:
        return _import_code(value[1])
    return value
