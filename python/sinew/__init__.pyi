import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Literal, TypeVar, overload

from sinew import dispatch as dispatch
from sinew._sinew import AsyncResult as AsyncResult
from sinew._sinew import Cancelled as Cancelled
from sinew._sinew import LimitError as LimitError
from sinew._sinew import StaleReference as StaleReference
from sinew.connecting import Connection as Connection
from sinew.deadlines import deadline as deadline
from sinew.reconnecting import Backoff as Backoff
from sinew.reconnecting import ReconnectingConnection as ReconnectingConnection
from sinew.serving import Server as Server
from sinew.tokens import TokenAuthenticator as TokenAuthenticator

__version__: str

_T = TypeVar("_T")

rpyc: ModuleType

@overload
def connect(
    uri: str,
    service: Any = None,
    *,
    timeout: float | None = ...,
    config: dict[str, Any] | None = None,
    certfile: Any = None,
    keyfile: Any = None,
    cafile: Any = None,
    crlfile: Any = None,
    verify: bool = True,
    server_name: str | None = None,
    token: str | bytes | os.PathLike[str] | bool | None = None,
    dispatcher: dispatch.Dispatcher | None = None,
    reconnect: Literal[False] | None = None,
    ssh_options: Sequence[str] = (),
) -> Connection: ...
@overload
def connect(
    uri: str,
    service: Any = None,
    *,
    timeout: float | None = ...,
    config: dict[str, Any] | None = None,
    certfile: Any = None,
    keyfile: Any = None,
    cafile: Any = None,
    crlfile: Any = None,
    verify: bool = True,
    server_name: str | None = None,
    token: str | bytes | os.PathLike[str] | bool | None = None,
    dispatcher: dispatch.Dispatcher | None = None,
    reconnect: Backoff | Literal[True],
    on_lost: Callable[[ReconnectingConnection, str], Any] | None = None,
    on_restored: Callable[[ReconnectingConnection], Any] | None = None,
    ssh_options: Sequence[str] = (),
) -> ReconnectingConnection: ...
def spawn(
    python: str | os.PathLike[str] | None = None,
    service: Any = None,
    *,
    options: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    timeout: float | None = 20,
    config: dict[str, Any] | None = None,
) -> Connection: ...
def serve(thing: Any, uri: str = "tcp://127.0.0.1:18861", **options: Any) -> None: ...
def start_server(thing: Any, uri: str = "tcp://127.0.0.1:18861", **options: Any) -> Server: ...
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
