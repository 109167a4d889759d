"""Files on the web as a file system of fsspec, which pyarrow and DuckDB read parts of."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from .._decoding.dates import read_http_date

if TYPE_CHECKING:
    from pyarrow.fs import PyFileSystem

try:
    from fsspec.implementations.http import (  # pyright: ignore[reportMissingTypeStubs]
        HTTPFileSystem,
    )
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"scan() needs {error.name}: pip install 'aiodatagouv[scan]'", name=error.name
    ) from None

PROTOCOL = "aiodatagouv"
"""The scheme of these files in DuckDB, which leaves all others to the connection's own."""

_UNKNOWN = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class _Files(HTTPFileSystem):
    """Single files, called only for their size and for the ranges that are read.

    fsspec's own file system fetches a whole file to find out whether it exists, and whether it is a
    web page that lists others.
    """

    protocol = PROTOCOL
    cachable = False

    def __init__(self) -> None:
        # Each read of an engine is one range that it has chosen: nothing is read ahead. A .netrc
        # file would add passwords of its own.
        super().__init__(cache_type="none", client_kwargs={"trust_env": False})

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix(f"{PROTOCOL}://")

    def encode_url(self, url: str) -> Any:
        return super().encode_url(self._strip_protocol(url))

    async def _exists(self, path: str, strict: bool = False, **kwargs: Any) -> bool:
        await self._info(path)
        return True

    async def _isdir(self, path: str) -> bool:
        return False

    async def _glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> list[str]:
        return [path]  # Its stars and brackets are those of an address.

    def modified(self, path: str) -> dt.datetime:
        """When a file was last modified, as DuckDB asks; one date for all if hosts do not say."""
        return read_http_date(str(self.info(path).get("Last-Modified", ""))) or _UNKNOWN


def duckdb_files() -> _Files:
    """A file system to register with a connection to DuckDB."""
    return _Files()


def arrow_files() -> PyFileSystem:
    """A file system of pyarrow, in which the path of a file is its address.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
    """
    try:
        from pyarrow.fs import FSSpecHandler, PyFileSystem
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"scan() needs {error.name}: pip install 'aiodatagouv[scan]'", name=error.name
        ) from None
    handler: Any = FSSpecHandler  # Its stubs leave out the methods that it has.
    return PyFileSystem(handler(_Files()))
