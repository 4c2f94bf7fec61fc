from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, TypeVar

from sinew import dispatch as dispatch
from sinew._sinew import AsyncResult as AsyncResult
from sinew._sinew import Cancelled as Cancelled
from sinew._sinew import LimitError as LimitError
from sinew.connecting import Connection as Connection
from sinew.deadlines import deadline as deadline
from sinew.rpyc.utils.server import ThreadedServer

__version__: str

_T = TypeVar("_T")

Server = ThreadedServer
rpyc: ModuleType

def connect(
    uri: str,
    service: Any = None,
    *,
    timeout: float | None = 3,
    config: dict[str, Any] | None = None,
    certfile: Any = None,
    keyfile: Any = None,
    cafile: Any = None,
    crlfile: Any = None,
    verify: bool = True,
    server_name: str | None = None,
    dispatcher: dispatch.Dispatcher | None = None,
) -> Connection: ...
def serve(thing: Any, uri: str = "tcp://127.0.0.1:18861", **options: Any) -> None: ...
def expose(member: _T) -> _T: ...
def install_as(name: str = "rpyc") -> None: ...
def async_(proxy: Any) -> Callable[..., AsyncResult]: ...
def obtain(proxy: Any) -> Any: ...
def buffiter(
    obj: Any, chunk: int = 10, max_chunk: int = 1000, factor: float = 2
) -> Iterator[Any]: ...

class timed:  # noqa: N801 - RPyC's name
    def __init__(self, proxy: Any, timeout: float | None) -> None: ...
    def __call__(self, *args: Any, **kwargs: Any) -> AsyncResult: ...
