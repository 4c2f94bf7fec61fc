"""RPyC's old name of `core.async_`, for `importlib.import_module` and `getattr`."""
# ruff: noqa: N999

from .async_ import AsyncResult, AsyncResultTimeout

__all__ = ["AsyncResult", "AsyncResultTimeout"]
