"""The exports of a portal's catalogue by name: as typed rows, as CSV, as Parquet."""

from __future__ import annotations

import csv
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from difflib import get_close_matches
from functools import partial
from gzip import GzipFile
from io import SEEK_END, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias, cast, get_args

from attrs import evolve, frozen

from ..._disk import written
from ...api import ops
from ...client import Client
from ...errors import DestinationError
from ...operation import Operation
from ...streams import Stream
from ...types import Id, OnProgress, Progress
from .._download.threads import in_thread
from .columns import CellError, Cells

if TYPE_CHECKING:
    from .parquet import Parquet

_SITE: Mapping[str, Operation] = {
    "dataservices": ops.GET_SITE_DATASERVICES_CSV,
    "datasets": ops.GET_SITE_DATASETS_CSV,
    "harvests": ops.GET_SITE_HARVESTS_CSV,
    "organizations": ops.GET_SITE_ORGANIZATIONS_CSV,
    "resources": ops.GET_SITE_RESOURCES_CSV,
    "reuses": ops.GET_SITE_REUSES_CSV,
    "tags": ops.GET_SITE_TAGS_CSV,
}
"""The exports of the whole portal."""

_ORGANIZATION: Mapping[str, Operation] = {
    "dataservices": ops.GET_ORGANIZATION_DATASERVICES_CSV,
    "datasets": ops.GET_ORGANIZATION_DATASETS_CSV,
    "discussions": ops.GET_ORGANIZATION_DISCUSSIONS_CSV,
    "resources": ops.GET_ORGANIZATION_DATASETS_RESOURCES_CSV,
}
"""The exports of one organization."""

ExportName: TypeAlias = Literal[
    "dataservices",
    "datasets",
    "discussions",
    "harvests",
    "organizations",
    "resources",
    "reuses",
    "tags",
]
"""The name of an export."""

NAMES: tuple[ExportName, ...] = get_args(ExportName)
"""The names of all exports."""


def export(client: Client, name: ExportName, *, organization: Id | None = None) -> Export:
    """Name an export of the catalogue: a table that the portal writes as CSV.

    >>> async for row in files.export(client, "datasets").rows(): ...
    >>> await files.export(client, "resources").save("resources.parquet")
    >>> await files.export(client, "resources", organization="an-id").save("resources.csv")

    Nothing is sent yet. data.gouv.fr writes the exports of the whole catalogue once a day, and
    redirects to these files; those of an organization are up to date.

    Args:
        client: A client of the portal.
        name: ``dataservices``, ``datasets``, ``harvests``, ``organizations``, ``resources``,
            ``reuses``, ``tags``, or with ``organization`` also ``discussions``.
        organization: The id or slug of an organization: just what it publishes. It applies to
            ``dataservices``, ``datasets``, ``discussions`` and ``resources``.

    Raises:
        ValueError: There is no such export, or only with or without ``organization``.
    """
    if name not in NAMES:
        near = get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"take one of {', '.join(NAMES)}"
        raise ValueError(f"there is no export {name!r:.80}: {hint}")
    operation = (_SITE if organization is None else _ORGANIZATION).get(name)
    if operation is None and organization is None:
        raise ValueError(f"{name} are exported for one organization only: pass organization=...")
    if operation is None:
        raise ValueError(f"{name} are exported for the whole portal only: leave out organization")
    path = [] if organization is None else [organization]
    return Export(name, operation.function(client, *path))


@frozen
class Export:
    """An export of the catalogue, which is fetched each time that it is read.

    Attributes:
        name: Its name, such as ``datasets``.
        stream: The CSV as the portal sends it: its bytes, or rows of text.
    """

    name: str
    stream: Stream

    async def rows(
        self, *, columns: Sequence[str] | None = None, progress: OnProgress | None = None
    ) -> AsyncGenerator[dict[str, Any]]:
        """Iterate over the rows, as dicts of the column's names.

        Values are of the type of their column: text, ``bool``, ``int``, ``float``, a date, a
        datetime in UTC, a list of texts, or JSON. An empty cell is None, in a list an empty list.
        Columns that this library does not know are text; so are counts by months
        (``metric.reuses_by_months``). ``archived`` is the date since when something is archived.

        The whole answer is received first, into a temporary file if it is large.

        Args:
            columns: The columns wanted, in this order; all when None.
            progress: Called with the bytes received so far whenever some have arrived.

        Raises:
            DecodeError: The answer is not such a CSV, or a cell has another type.
            ValueError: There is no such column.
            APIError: The portal answers that the call failed.
            NetworkError: There is no answer, or only a part of it.
        """
        async with self._opened(columns, progress) as (_, rows):
            async for row in rows:
                yield row
                del row  # A traceback shows the local variables.

    async def save(
        self,
        path: str | Path,
        *,
        columns: Sequence[str] | None = None,
        progress: OnProgress | None = None,
    ) -> int:
        """Write the rows to a file, which appears under its name once it is whole.

        The suffix of the path chooses the format. ``.csv`` is what the portal sent, byte for byte
        unless only some columns are wanted; ``.csv.gz`` is the same, compressed. A ``.parquet`` has
        a column of the type of :meth:`rows` for each, JSON as text; it needs pyarrow. Memory does
        not grow with the size of the export.

        Args:
            path: The file.
            columns: The columns wanted, in this order; all when None.
            progress: Called with the bytes received so far whenever some have arrived.

        Returns:
            The size of the file in bytes.

        Raises:
            DestinationError: The file has another suffix, or pyarrow is not installed.
            DecodeError: The answer is not such a CSV, or a cell has another type.
            ValueError: There is no such column.
            APIError: The portal answers that the call failed.
            NetworkError: There is no answer, or only a part of it.
        """
        path = Path(path)
        write = _writer_of(path)

        def received(now: Progress) -> None:
            if progress is not None:
                progress(evolve(now, name=path.name))

        with written(path) as file:
            await write(self, file, columns, received)
            return file.seek(0, SEEK_END)

    @asynccontextmanager
    async def _opened(
        self, columns: Sequence[str] | None, progress: OnProgress | None
    ) -> AsyncGenerator[tuple[Cells, AsyncIterator[dict[str, Any]]]]:
        """Receive the answer: the columns wanted, and the rows."""
        async with aclosing(self.stream._table(progress)) as table:
            cells = Cells(self.name, await anext(table), columns)
            yield cells, self._rows(cells, table)

    async def _rows(
        self, cells: Cells, table: AsyncIterator[list[str]]
    ) -> AsyncGenerator[dict[str, Any]]:
        number, problem, expected = 0, "", ""
        async for row in table:
            number += 1
            try:
                typed = cells.row(row)
            except CellError as error:
                text, column = map(self.stream._redacted, (error.text, error.column))
                problem, expected = f"{text!r:.80} in the column {column}", f"a cell: {error.kind}"
                break
            finally:
                del row  # A traceback shows the local variables.
            yield typed
            del typed
        if problem:
            raise self.stream._invalid(problem, path=f"row {number}", expected=expected)


_Write: TypeAlias = Callable[
    [Export, BinaryIO, Sequence[str] | None, OnProgress], Coroutine[Any, Any, None]
]
"""Writes the columns wanted of an export to a file."""


def _writer_of(path: Path) -> _Write:
    """Choose the format of a file by its suffix.

    Raises:
        DestinationError: It is none of those known, or pyarrow is not installed.
    """
    if path.name.endswith(".csv.gz"):
        return _write_gzip
    if path.suffix == ".csv":
        return _write_csv
    if path.suffix != ".parquet":
        raise DestinationError(f"{path} must end in .csv, .csv.gz or .parquet")
    try:
        from .parquet import Parquet
    except ModuleNotFoundError as error:
        raise DestinationError(
            f"{path} needs the package {error.name}: pip install 'aiodatagouv[parquet]'"
        ) from None
    return partial(_write_parquet, Parquet)


async def _write_csv(
    export: Export, file: BinaryIO, columns: Sequence[str] | None, progress: OnProgress
) -> None:
    if columns is None:
        await export.stream._receive(file.write, progress)
        return
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    lines = csv.writer(text, delimiter=";")
    async with aclosing(export.stream._table(progress)) as table:
        cells = Cells(export.name, await anext(table), columns)
        lines.writerow(cells.kinds)
        async for row in table:
            lines.writerow(cells.texts(row))
            del row  # A traceback shows the local variables.
    text.detach()  # Else it would close the file.


async def _write_gzip(
    export: Export, file: BinaryIO, columns: Sequence[str] | None, progress: OnProgress
) -> None:
    # Without a date or a name in it, the same answer gives the same bytes.
    with GzipFile("", "wb", fileobj=file, mtime=0) as compressed:
        await _write_csv(export, cast(BinaryIO, compressed), columns, progress)


async def _write_parquet(
    parquet: type[Parquet],
    export: Export,
    file: BinaryIO,
    columns: Sequence[str] | None,
    progress: OnProgress,
) -> None:
    async with export._opened(columns, progress) as (cells, rows):
        with parquet(file, cells.kinds) as table:
            async for row in rows:
                is_due = table.add(row)
                del row  # A traceback shows the local variables.
                if is_due:
                    await in_thread(table.flush)
