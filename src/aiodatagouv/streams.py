"""Answers that are no JSON: CSV, RDF, Atom, images; read in pieces."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from .errors import DecodeError
from .files import written

if TYPE_CHECKING:
    from ._http import Response
    from .client import Client
    from .operation import Call

_SPOOL = 1 << 20
"""Bytes of CSV that are kept in memory before they go to a temporary file."""

_CELL = 1 << 30
"""Characters that one cell of a CSV may have."""


class Stream:
    """The answer of an operation, to be read in one of four ways.

    >>> stream = api.site.get_site_datasets_csv(client)
    >>> async with stream as chunks:             # bytes as they arrive
    ...     async for chunk in chunks: ...
    >>> await stream.save("datasets.csv")        # into a file
    >>> text = await stream.text()               # at once
    >>> async for row in stream.rows(): ...      # CSV, as dicts

    Each of them makes the call anew and raises what :meth:`aiodatagouv.Client.request` raises.

    Raises:
        ValueError: A parameter is none.
    """

    def __init__(self, client: Client, call: Call) -> None:
        call.check()
        self._client = client
        self._call = call
        self._context: AbstractAsyncContextManager[Response] | None = None

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
        return self._client.chunks(response)

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
        size = 0
        with written(Path(path)) as file:
            async with self as chunks:
                async for chunk in chunks:
                    size += file.write(chunk)
        return size

    async def text(self) -> str:
        """The whole answer as text."""
        response = await self._client.request(self._call)
        return response.text

    async def rows(self) -> AsyncGenerator[dict[str, str]]:
        """The rows of a CSV, by the names in its first line.

        The answer is taken in whole first, into a temporary file when it is large, so that a slow
        reader does not hold the portal's connection.

        Raises:
            DecodeError: It is not such a CSV.
        """
        with tempfile.SpooledTemporaryFile(_SPOOL) as spool:
            async with self as chunks:
                async for chunk in chunks:
                    spool.write(chunk)
            spool.seek(0)
            with TextIOWrapper(spool, encoding="utf-8-sig", newline="") as lines:
                try:
                    for row in _rows(lines):
                        yield row
                except (csv.Error, UnicodeError) as error:
                    raise DecodeError(
                        str(error), operation=self._call.operation.id, expected="a CSV"
                    ) from None


def _rows(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    # A cell holds a whole description. The limit is one for all of Python: it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), _CELL))
    rows = csv.reader(lines, delimiter=";", strict=True)
    names = next(rows, [])
    if len(set(names)) != len(names):
        raise csv.Error(f"two columns of one name among {names}")
    for row in rows:
        if len(row) != len(names):
            raise csv.Error(
                f"{len(row)} cells for {len(names)} columns before line {rows.line_num}"
            )
        yield dict(zip(names, row, strict=True))
