"""Answers other than JSON, read in chunks: CSV, RDF, Atom, images."""

from __future__ import annotations

import asyncio
import csv
import errno
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import TextIO

from attrs import frozen

from . import _http
from ._call.call import Call
from ._disk import written
from .client import Client
from .errors import DecodeError, NetworkError
from .types import OnProgress, Progress

_SPOOL = 1 << 20
"""Bytes of a CSV that are kept in memory; a larger one goes to a temporary file."""

_PAGES = frozenset({"text/html", "application/xhtml+xml"})
"""The media types of web pages."""

_MESSAGES = frozenset({"application/json", "application/problem+json"})
"""The media types of messages to programs."""

_LONGEST = 1 << 22
"""The longest row of a CSV, in characters."""

_TURN = 500
"""Rows after which other tasks have a turn, if the consumer awaits nothing."""


class Stream:
    """The answer of an operation, read in one of four ways.

    >>> stream = api.site.get_site_datasets_csv(client)
    >>> async with stream as chunks:             # bytes as they arrive
    ...     async for chunk in chunks: ...
    >>> await stream.save("datasets.csv")        # into a file
    >>> text = await stream.text()               # at once
    >>> async for row in stream.rows(): ...      # CSV, as dicts

    Each of them makes the call again. But for :meth:`text`, there is no limit of size, and memory
    does not grow with it; a portal may redirect to a ready-made file on another host, which is
    called without the API key.

    Raises:
        APIError: The portal answers that the call failed.
        NetworkError: There is no answer, or only a part of it.
        RuntimeError: The client is closed, or was opened in another event loop.
    """

    def __init__(self, client: Client, call: Call) -> None:
        self._client = client
        self._call = call
        self._context: AbstractAsyncContextManager[_http.Response] | None = None
        self._total: int | None = None
        self._has_end = False

    def __repr__(self) -> str:
        return f"<Stream of {self._call.operation.name}>"

    async def __aenter__(self) -> AsyncIterator[bytes]:
        if self._context is not None:
            raise RuntimeError(f"{self!r} is already being read: call the operation again")
        self._context = self._client._stream(self._call)
        try:
            response = await self._context.__aenter__()
        except BaseException:
            self._context = None
            raise
        try:
            self._check(response)
        except DecodeError as error:
            await self.__aexit__(DecodeError, error, error.__traceback__)
            raise
        self._total, self._has_end = _http.length_of(response), _http.has_end(response)
        return self._client._chunks(response)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        context, self._context = self._context, None
        if context is not None:
            await context.__aexit__(kind, error, traceback)

    async def save(self, path: str | Path, *, progress: OnProgress | None = None) -> int:
        """Write the answer to a file, which appears under its name once it is whole.

        Args:
            path: The file.
            progress: Called with the bytes received so far whenever some have arrived.

        Returns:
            The size of the answer in bytes.

        Raises:
            OSError: The file cannot be written.
        """
        path = Path(path)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder, not the path of a file", str(path))
        with written(path) as file:
            return await self._receive(file.write, progress, path.name)

    async def text(self) -> str:
        """The whole answer as text.

        Raises:
            DecodeError: The answer is longer than the ``max_size`` of the client.
        """

        def read(response: _http.Response) -> str:
            self._check(response)
            return response.text

        return await self._client._read(self._call, read)

    async def rows(self, *, progress: OnProgress | None = None) -> AsyncGenerator[dict[str, str]]:
        """Iterate over the rows of a CSV, as dicts by the names in its first line.

        The whole answer is received first, into a temporary file if it is large, so that a slow
        consumer does not keep the connection to the portal busy.

        Args:
            progress: Called with the bytes received so far whenever some have arrived.

        Raises:
            DecodeError: The answer is not such a CSV, or a row is longer than 4,194,304 characters.
        """
        async with aclosing(self._table(progress)) as table:
            columns = _Columns(await anext(table))
            async for cells in table:
                yield dict(zip(columns.names, cells, strict=True))
                del cells  # A traceback shows the local variables.

    async def _table(self, progress: OnProgress | None) -> AsyncGenerator[list[str]]:
        """Iterate over the names of the columns of a CSV, then over the cells of each row."""
        with tempfile.SpooledTemporaryFile(_SPOOL) as spool:
            await self._receive(spool.write, progress)
            spool.seek(0)
            with TextIOWrapper(spool, encoding="utf-8-sig", newline="") as text:
                try:
                    for number, cells in enumerate(_table(text), start=1):
                        yield cells
                        del cells  # A traceback shows the local variables.
                        if number % _TURN == 0:
                            await asyncio.sleep(0)
                    return
                except (csv.Error, UnicodeError) as error:
                    problem = str(error)
        # Outside of the except clause: the error of a codec holds what it could not decode.
        raise self._invalid(problem)

    def _invalid(self, found: str, *, path: str = "$", expected: str = "a CSV") -> DecodeError:
        """The error for an answer that is not what it should be, of which it may quote some."""
        operation = self._call.operation.name
        return DecodeError(self._redacted(found), operation=operation, path=path, expected=expected)

    def _redacted(self, text: str) -> str:
        """A part of the answer without the key, which a proxy may echo."""
        return self._client._key.redact(text.encode()).decode()

    async def _receive(
        self, write: Callable[[bytes], int], progress: OnProgress | None, name: str = ""
    ) -> int:
        """Hand the answer over as it arrives, and return its size in bytes.

        Raises:
            NetworkError: It is cut off.
        """
        size, last = 0, b"\n"
        async with self as chunks:
            total, has_end = self._total, self._has_end
            async for chunk in chunks:
                size += write(chunk)
                last = chunk[-1:] or last
                del chunk  # A traceback shows the local variables.
                if progress is not None:
                    progress(Progress(size, total, name))
        # Without a length or chunks, the end of the connection is the end of the answer, broken or
        # not. The portal ends each row of a CSV by a new line.
        operation = self._call.operation
        if operation.media_type == "text/csv" and not has_end and last != b"\n":
            raise NetworkError(
                f"the answer ends in the middle of a row, after {size:,} bytes",
                operation=operation.name,
                method=operation.method,
                url=operation.path,
            )
        return size

    def _check(self, response: _http.Response) -> None:
        """Refuse a web page or a message in the place of data.

        Raises:
            DecodeError: The answer is HTML, or JSON that was not asked for.
        """
        found = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        operation = self._call.operation
        # Where a parameter chooses the format, it ends the path: rdf.json, rdf.ttl.
        _, chosen, ending = self._call.path.rpartition(".")
        is_any_wanted = operation.media_type == "*/*" and not chosen
        is_json_wanted = is_any_wanted or "json" in operation.media_type + ending
        if found in _PAGES or (found in _MESSAGES and not is_json_wanted):
            raise DecodeError(
                found, operation=operation.name, path="Content-Type", expected=operation.media_type
            )


@frozen(repr=False)  # A traceback shows the local variables.
class _Columns:
    names: list[str]


def _table(text: TextIO) -> Iterator[list[str]]:
    # A cell holds a whole description. The limit is one for all of Python: it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST))
    size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        while line := text.readline(_LONGEST + 1):
            size += len(line)
            if size > _LONGEST:
                raise csv.Error(f"a row of more than {_LONGEST:,} characters")
            yield line

    rows = csv.reader(lines(), delimiter=";", strict=True)
    names = next(rows, [])
    if not names:
        raise csv.Error("nothing")
    # udata writes one column of organizations twice, with the same values.
    twice = [(names.index(name), i) for i, name in enumerate(names) if name in names[:i]]
    yield [name for i, name in enumerate(names) if name not in names[:i]]
    size = 0
    for row in rows:
        if len(row) != len(names):
            raise csv.Error(
                f"{len(row)} cells for {len(names)} columns before line {rows.line_num}"
            )
        for first, second in reversed(twice):
            if row[first] != row.pop(second):
                raise csv.Error(f"two columns of one name that differ before line {rows.line_num}")
        yield row
        size = 0
