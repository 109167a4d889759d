"""The rows of a harvest that is on disk: a file, or a folder of parts, in any format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from attrs import frozen

from ...errors import HarvestFileError, one_line
from .._lines.compression import codec_of, needs
from .._table.hive import value_of
from ..sinks import SUFFIXES
from .folders import parts_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_BATCH = 100
"""Rows of a table that are held as Python objects at once."""


@frozen
class Row:
    """A row as JSON, and where it is.

    Attributes:
        content: The JSON, without a line break.
        path: The file.
        number: The number of the row in the file, from 1.
    """

    content: bytes
    path: Path
    number: int

    def read(self, decode: Callable[[bytes], Any]) -> Any:
        """Decode the row.

        Raises:
            HarvestFileError: It is no JSON object, or not as it is expected.
        """
        try:
            return decode(self.content)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise self.wrong(str(error)) from error

    def wrong(self, problem: str) -> HarvestFileError:
        """The error for the row."""
        return HarvestFileError(f"{self.path}, row {self.number}: {one_line(problem)}")


@frozen
class Harvested:
    """A harvest on disk.

    Attributes:
        path: The file or the folder.
        format: The format of the rows.
        files: The files, in order.
    """

    path: Path
    format: Literal["JSON Lines", "Parquet"]
    files: tuple[Path, ...]

    @classmethod
    def at(cls, path: Path) -> Harvested:
        """The harvest at a path.

        Raises:
            FileNotFoundError: There is nothing.
            ValueError: The file is in no format of a harvest.
            HarvestFileError: The folder has no parts, is incomplete or has other files.
        """
        files = [path]
        if path.is_dir():
            files = parts_of(path)
        elif not path.name.endswith(SUFFIXES):
            raise ValueError(f"{path}: its suffix must be one of {', '.join(SUFFIXES)}")
        elif not path.exists():
            raise FileNotFoundError(2, "No such file or directory", str(path))
        formats = {one.suffix == ".parquet" for one in files}
        if len(formats) > 1:
            raise HarvestFileError(f"{path} has both tables and JSON Lines: it is no harvest")
        return cls(path, "Parquet" if True in formats else "JSON Lines", tuple(files))

    def rows(self) -> Generator[Row]:
        """Iterate over the rows.

        Raises:
            HarvestFileError: A file is damaged.
            DestinationError: The package for the format is not installed.
        """
        for path in self.files:
            lines = self._table(path) if self.format == "Parquet" else _lines(path)
            for number, line in enumerate(lines, start=1):
                yield Row(line.rstrip(b"\r\n"), path, number)

    def _table(self, path: Path) -> Iterator[bytes]:
        """Iterate over the rows of a Parquet file as JSON."""
        folders = path.relative_to(self.path).parent
        with _opened(path) as file:
            named = _partition(folders, file.schema_arrow)
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    yield msgspec.json.encode({**row, **named})


def query_in(path: Path) -> Mapping[str, Any] | None:
    """The identity of the harvest of a Parquet file, as its metadata have it.

    Raises:
        HarvestFileError: The file is damaged.
        DestinationError: The package for the format is not installed.
    """
    with _opened(path) as file:
        text = (file.schema_arrow.metadata or {}).get(b"aiodatagouv.query")
        query: Mapping[str, Any] | None = None if text is None else json.loads(text)
        return query


@contextmanager
def _opened(path: Path) -> Generator[pq.ParquetFile]:
    """Open a Parquet file, and turn the errors of reading it into one that names it."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise needs("pyarrow", "parquet", path) from None
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # The system's, not Arrow's.
        # The last three are about values that only tables of others have.
        raise HarvestFileError(f"{path} cannot be read: {one_line(str(error))}") from None


def _lines(path: Path) -> Iterator[bytes]:
    """Iterate over the lines of a file of JSON Lines."""
    codec = codec_of(path)
    with path.open("rb") as file, codec.decompressed(file) as lines:
        try:
            yield from lines
        except codec.failures as error:
            raise HarvestFileError(f"{path} cannot be read: {one_line(str(error))}") from None


def _partition(folders: Path, schema: pa.Schema) -> dict[str, str | None]:
    """The columns that the names of folders, such as ``frequency=daily``, replace.

    Those that only repeat a column or a part of it, such as ``created_at_year=2024``, are left out.
    """
    named = {step.partition("=")[0]: value_of(step) for step in folders.parts if "=" in step}
    paths = {*_paths(schema)}
    return {
        name: value
        for name, value in named.items()
        if not {name, re.sub("_(year|month|day)$", "", name)} & paths
    }


def _paths(fields: Any, above: str = "") -> Iterator[str]:
    """The names of all columns, and those of the fields of their structs after a ``_``."""
    import pyarrow as pa

    for field in fields:
        yield f"{above}{field.name}"
        if pa.types.is_struct(field.type):
            yield from _paths(field.type, f"{above}{field.name}_")
