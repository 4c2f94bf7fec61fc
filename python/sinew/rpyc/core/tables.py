"""The tables of a connection, by RPyC's private names.

The tables themselves are the engine's. What is here looks at them as they are at that moment.
"""

from functools import partial

from .config import Watched
from .requests import METHODS


def _refuse(number, conn, *args):
    raise KeyError(number)


class Handlers(Watched):
    """What serves the requests of a connection, by number: `_HANDLERS`.

    It starts with the methods of the connection's class. `conn._HANDLERS[number] = function` has
    `function(conn, *args)` serve that request from now on; the number may be the program's own. A
    request whose entry is removed is refused. What nobody has touched stays with the engine.
    """

    __slots__ = ("_conn",)

    def __init__(self, conn, functions):
        import weakref  # noqa: PLC0415

        super().__init__(functions)
        self._conn = weakref.ref(conn)
        self._changed()

    def _changed(self):
        conn = self._conn()
        if conn is None:
            return
        kind = type(conn)
        for number, name in METHODS.items():
            function = self.get(number)
            if function is None:
                function = partial(_refuse, number)
            elif function == getattr(kind, name):
                function = None
            conn._set_override(number, function)
