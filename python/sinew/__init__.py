"""Sinew: an object in another process feels local, in Python and in C++.

    conn = sinew.connect("tcp://lab-7:18812")     # a classic server, Sinew's or RPyC's
    conn.modules.sys.path.append("lucy")          # done there, not here

    class Calculator:
        @sinew.expose
        def add(self, a, b): return a + b

    sinew.serve(Calculator(), "tcp://127.0.0.1:18861")

`sinew.rpyc` has everything under RPyC's own names; after `install_as("rpyc")`, `import rpyc` is it.
"""

__version__ = "0.1.0"

# Imported when first used: importing sinew alone costs next to nothing.
_PLACES = {
    "AsyncResult": ("sinew._sinew", "AsyncResult"),
    "Backoff": ("sinew.reconnecting", "Backoff"),
    "Cancelled": ("sinew._sinew", "Cancelled"),
    "LimitError": ("sinew._sinew", "LimitError"),
    "Connection": ("sinew.connecting", "Connection"),
    "ReconnectingConnection": ("sinew.reconnecting", "ReconnectingConnection"),
    "Server": ("sinew.serving", "Server"),
    "StaleReference": ("sinew._sinew", "StaleReference"),
    "TokenAuthenticator": ("sinew.tokens", "TokenAuthenticator"),
    "async_": ("sinew.rpyc.utils.helpers", "async_"),
    "buffiter": ("sinew.rpyc.utils.helpers", "buffiter"),
    "connect": ("sinew.connecting", "connect"),
    "dispatch": ("sinew.dispatch", None),
    "deadline": ("sinew.deadlines", "deadline"),
    "expose": ("sinew.exposing", "expose"),
    "install_as": ("sinew.aliasing", "install_as"),
    "obtain": ("sinew.rpyc.utils.classic", "obtain"),
    "rpyc": ("sinew.rpyc", None),
    "serve": ("sinew.serving", "serve"),
    "spawn": ("sinew.spawning", "spawn"),
    "start_server": ("sinew.serving", "start_server"),
    "timed": ("sinew.rpyc.utils.helpers", "timed"),
}

__all__ = ["__version__", *_PLACES]  # noqa: PLE0604 - the keys are text


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    module_name, member = _PLACES[name]
    module = import_module(module_name)
    value = globals()[name] = module if member is None else getattr(module, member)
    return value


def __dir__():
    return sorted({*globals(), *_PLACES})
