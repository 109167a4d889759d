"""Files on the web as a file system of fsspec, which pyarrow and DuckDB read parts of."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from .._decoding.dates import read_http_date
from .._http.proxies import Proxy
from .._http.urls import parse_url

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

_DIRECT, _PROXIED = "aiodatagouv", "aiodatagouv-proxied"
"""The schemes of these files in DuckDB, which leaves all others to the connection's own."""

_SCHEME = re.compile(f"({_DIRECT}|{_PROXIED})://")

_UNKNOWN = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class _Files(HTTPFileSystem):
    """Single files, called only for their size and for the ranges that are read.

    fsspec's own file system fetches a whole file to find out whether it exists, and whether it is a
    web page that lists others.

    Args:
        is_proxied: Whether they are fetched through the proxy that the environment names.

    Raises:
        ValueError: The proxy cannot be used.
    """

    cachable = False

    def __init__(self, *, is_proxied: bool) -> None:
        proxy = Proxy.find(None).check("https", has_key=False) if is_proxied else None
        options: dict[str, Any] = {}
        if proxy is not None:
            options["proxy"] = proxy.url
            if proxy.authorization:
                options["proxy_headers"] = {"Proxy-Authorization": proxy.authorization}
        # Each read of an engine is one range that it has chosen: nothing is read ahead. aiohttp
        # would not only take a proxy from the environment, but also passwords from a .netrc file.
        super().__init__(cache_type="none", client_kwargs={"trust_env": False}, **options)
        self.protocol = self.scheme = _PROXIED if is_proxied else _DIRECT

    @classmethod
    def of(cls, address: str) -> _Files:
        """The file system for a file: through the environment's proxy, or without."""
        url = parse_url(address)
        # As for portals, the environment's proxy is only used for https.
        proxy = Proxy.find(None) if url.scheme == "https" else None
        host, port = url.raw_host.decode("ascii"), url.port or 443
        return cls(is_proxied=bool(proxy and proxy.serves(host, port)))

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        found = _SCHEME.match(path)
        return path[found.end() :] if found else path

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


def duckdb_files(address: str) -> tuple[str, _Files]:
    """The scheme and the file system of a file, to register with a connection to DuckDB.

    Raises:
        ValueError: The environment's proxy cannot be used.
    """
    files = _Files.of(address)
    return files.scheme, files


def arrow_files(address: str) -> PyFileSystem:
    """The file system of a file for pyarrow, in which the path of a file is its address.

    Raises:
        ValueError: The environment's proxy cannot be used.
        ModuleNotFoundError: pyarrow is not installed.
    """
    try:
        from pyarrow.fs import FSSpecHandler, PyFileSystem
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"scan() needs {error.name}: pip install 'aiodatagouv[scan]'", name=error.name
        ) from None
    handler: Any = FSSpecHandler  # Its stubs leave out the methods that it has.
    return PyFileSystem(handler(_Files.of(address)))
