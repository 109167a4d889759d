"""Answers that are no JSON: CSV, RDF, Atom, images; read in pieces."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from . import _http

if TYPE_CHECKING:
    from .client import Client
    from .operation import Call

_SPOOL = 1 << 20
"""Bytes of CSV that are kept in memory before they go to a temporary file."""


class Stream:
    """The answer of an operation, to be read in one of four ways.

    >>> stream = await site.get_site_datasets_csv(client)
    >>> async with stream as chunks:             # bytes as they arrive
    ...     async for chunk in chunks: ...
    >>> await stream.save("datasets.csv")        # into a file
    >>> text = await stream.text()               # at once
    >>> async for row in stream.rows(): ...      # CSV, as dicts

    Each of them makes the call anew and raises what :meth:`aiodatagouv.Client.request` raises.
    """

    def __init__(self, client: Client, call: Call) -> None:
        self._client = client
        self._call = call
        self._context: AbstractAsyncContextManager[_http.Response] | None = None

    def __repr__(self) -> str:
        return f"<Stream of {self._call.operation.id}>"

    async def __aenter__(self) -> AsyncIterator[bytes]:
        if self._context is not None:
            raise RuntimeError(f"{self!r} is being read already: call the operation again")
        self._context = self._client.stream(self._call)
        try:
            response = await self._context.__aenter__()
        except BaseException:
            self._context = None
            raise
        return _chunks(response)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        context, self._context = self._context, None
        if context is not None:
            await context.__aexit__(kind, error, traceback)

    async def save(self, path: str | Path) -> int:
        """Write the answer into a file, which appears under its name once it is whole.

        Returns:
            How many bytes it has.
        """
        path = Path(path)
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("wb") as file:
                async with self as chunks:
                    async for chunk in chunks:
                        file.write(chunk)
            size = part.stat().st_size
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return size

    async def text(self) -> str:
        """The whole answer as text."""
        response = await self._client.request(self._call)
        return response.text

    async def rows(self) -> AsyncGenerator[dict[str, str]]:
        """The rows of a CSV, by the names in its first line.

        The answer is taken in whole first, into a temporary file when it is large, so that a slow
        reader does not hold the portal's connection.
        """
        with tempfile.SpooledTemporaryFile(_SPOOL) as spool:
            async with self as chunks:
                async for chunk in chunks:
                    spool.write(chunk)
            spool.seek(0)
            with TextIOWrapper(spool, encoding="utf-8-sig", newline="") as lines:
                for row in csv.DictReader(lines, delimiter=";"):
                    yield row


async def _chunks(response: _http.Response) -> AsyncGenerator[bytes]:
    with _http.translated_errors(response.request):
        async for chunk in response.aiter_bytes():
            yield chunk
