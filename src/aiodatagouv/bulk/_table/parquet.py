"""Parquet files, in which nested objects and lists are kept."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BufferedRandom
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from attrs import frozen

from ..._disk import created, part_of, replace, sync, sync_folder
from ..._ownership import foreign
from ...errors import DestinationError
from ...version import __version__
from .._journal.place import Seal
from .._journal.storage import aside, checkpoint_of
from ..sinks import check_part, check_same, damaged
from .batches import POOL, Batches, joined
from .pieces import ArrowFile, Pieces, free
from .sorting import Ordering, sorted_tables

ROW_GROUP = 16 << 20
"""Approximate bytes of a row group in memory. Smaller ones take less, but the facts about each are
kept until the end of the file: about a kilobyte a column."""

_BATCH = 100
"""Rows of an existing file that are read at once."""

_CONVERTED = 2 << 20
"""Approximate bytes of items, as JSON, that are converted into columns at once."""

_NAMES = re.compile(r"\d{6,}|sorted-\d+|whole")
"""The names of the temporary files."""


@frozen(eq=False)
class Row:
    """A row of a record batch.

    Attributes:
        batch: The record batch.
        number: Its number there.
    """

    batch: pa.RecordBatch
    number: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Row) and self._alone().equals(other._alone())

    def _alone(self) -> pa.RecordBatch:
        return self.batch.slice(self.number, 1)


class Parquet:
    """A Parquet file, sorted by a column.

    A Parquet file cannot grow, as its metadata are at its end. Each commit therefore writes an
    Arrow file to a temporary folder; at the end of the harvest, their rows are sorted into row
    groups.

    Attributes:
        checkpoint: The path of the checkpoint.
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        *,
        key: str | None = "id",
        query: Mapping[str, Any] | None = None,
    ) -> None:
        """Prepare to write.

        Args:
            path: The file.
            schema: The columns.
            key: The column to sort by, which identifies the item of a row. None for none.
            query: The identity of the harvest, for the metadata of the file.
        """
        self.checkpoint = checkpoint_of(path)
        self._path = path
        self._folder = part_of(aside(path))
        self._whole = self._folder / "whole"
        self._schema = schema
        self._key = key
        self._query = {} if query is None else query
        self._facts: dict[str, str | None] | None = None
        self._batches = Batches(schema)
        self._items: list[bytes] = []
        self._size = 0
        self._pieces = Pieces(self._folder, schema, self._model)
        self._written: os.stat_result | None = None

    @property
    def _model(self) -> Path:
        """The file whose permissions a new one has."""
        return self._path

    def describe(self, began: dt.datetime, release: str | None) -> None:
        """See :class:`~aiodatagouv.bulk.describing.DescribedSink`."""
        self._facts = {"began": began.astimezone(dt.UTC).isoformat(), "release": release}

    def open(self, state: Any) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`.

        The state is that of the :class:`Pieces`, and what :meth:`describe` was told.
        """
        if state is None:
            self.discard()
            self._folder.mkdir()
            sync_folder(self._folder.parent)
            return
        self._pieces.restore(state)
        self._facts = state.get("facts")

    def write(self, items: Sequence[bytes]) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        for item in items:
            self._items.append(item)
            self._size += len(item)
            if self._size >= _CONVERTED:
                self._convert()

    def commit(self) -> dict[str, Any]:
        """See :class:`~aiodatagouv.bulk.Sink`.

        Raises:
            DestinationError: A column cannot hold a value, and there is no column for the rest.
        """
        self._convert()
        return {**self._pieces.commit(), "facts": self._facts}

    def seal(self) -> Seal:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        self._pieces.check()
        items = 0
        with self._new(self._whole) as file:
            with self._writer(file, self._schema) as writer:
                for _, table in self._sorted():
                    items += table.num_rows
                    write_group(writer, table)
                    del table  # Free its memory before the next one is read.
                    free()
            sync(file)
            self._written = os.fstat(file.fileno())
            size = file.tell()
            file.seek(0)
            return Seal(size, hashlib.file_digest(file, "sha256").hexdigest(), items)

    def finish(self) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        assert self._written is not None
        check_same(self._written, self._whole)
        replace(self._whole, self._path)
        self.discard()

    def close(self) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        self._pieces.close()

    def rows(self, items: Iterable[bytes]) -> list[Row]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        batch = self._batches.batch([*items])
        return [Row(batch, number) for number in range(batch.num_rows)]

    def write_rows(self, rows: list[Row]) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        self._convert()
        if rows:
            self._add(joined([*_slices(rows)], self._schema))

    def exists(self) -> bool:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return self._path.exists()

    def claim(self, is_known: bool, /) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        check_part(self._folder, stat.S_ISDIR, is_known=is_known)
        for path in self._files():
            if not _NAMES.fullmatch(path.name):
                raise foreign(path, "is in the folder of a harvest, but not one of its files")
            check_part(path, stat.S_ISREG, is_known=is_known)

    def holds(self, seal: Seal) -> bool:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return seal.fits(self._path)

    def discard(self) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        for path in self._files():
            if _NAMES.fullmatch(path.name):
                path.unlink()
        if self._has_folder():
            self._folder.rmdir()

    def keys(self) -> Iterator[str]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        assert self._key is not None
        for path in self._tables():
            for batch in batches_in(path, self._stored, [self._key]):
                keys: list[Any] = batch.column(0).to_pylist()
                yield from keys

    def existing(self) -> Iterator[tuple[str, Row]]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        assert self._key is not None
        for batch in self._existing():
            keys: list[Any] = batch.column(self._key).to_pylist()
            for number, key in enumerate(keys):
                yield key, Row(batch, number)

    @property
    def _stored(self) -> pa.Schema:
        """The columns of each existing file."""
        return self._schema

    def _tables(self) -> list[Path]:
        """The existing files."""
        return [self._path]

    def _existing(self) -> Iterator[pa.RecordBatch]:
        """Iterate over the rows of the existing file."""
        yield from batches_in(self._path, self._schema)

    def _convert(self) -> None:
        """Convert the items that were written into rows."""
        self._add(self._batches.batch(self._items))
        self._items.clear()
        self._size = 0

    def _add(self, batch: pa.RecordBatch) -> None:
        """Add rows to those of the next commit."""
        if batch.num_rows:
            self._pieces.add(batch)

    def _ordering(self) -> Ordering:
        """How the rows are sorted."""
        # Without a key, any column tells the number of rows.
        number = 0 if self._key is None else self._schema.get_field_index(self._key)
        return Ordering([number], self._key, None, ROW_GROUP)

    def _sorted(self) -> Iterator[tuple[str, pa.Table]]:
        """Iterate over the rows that were written, in tables of the size of a row group."""
        count = 0

        def scratch() -> tuple[Path, ArrowFile]:
            nonlocal count
            path, count = self._folder / f"sorted-{count}", count + 1
            # Each record batch at once: those of many files would take much memory.
            return path, ArrowFile(self._new(path), self._schema, together=0)

        return sorted_tables([*self._pieces.batches()], self._ordering(), scratch)

    def _writer(self, file: BufferedRandom, schema: pa.Schema, **options: Any) -> pq.ParquetWriter:
        """Begin to write a Parquet file."""
        return pq.ParquetWriter(
            file,
            schema.with_metadata(self._metadata()),
            compression="zstd",
            use_dictionary=False,  # It takes longer, and zstd finds what repeats as well.
            sorting_columns=sorting_columns(schema, self._key),
            memory_pool=POOL,
            **options,
        )

    def _metadata(self) -> dict[str, str]:
        """The metadata of the file."""
        facts = {
            "version": __version__,
            "query": json.dumps(self._query, ensure_ascii=False),
            **(self._facts or {}),
        }
        return {f"aiodatagouv.{name}": value for name, value in facts.items() if value}

    def _has_folder(self) -> bool:
        """Whether the temporary folder exists, and is no link to another one."""
        return self._folder.is_dir() and not self._folder.is_symlink()

    def _files(self) -> list[Path]:
        """The files in the temporary folder."""
        return sorted(self._folder.iterdir()) if self._has_folder() else []

    def _new(self, path: Path) -> BufferedRandom:
        """Create a temporary file, in place of that of an interrupted run."""
        path.unlink(missing_ok=True)
        return created(path, self._model)


def write_group(writer: pq.ParquetWriter, table: pa.Table) -> None:
    """Write a table as a row group."""
    writer.write_table(table, row_group_size=table.num_rows)


def batches_in(
    path: Path, schema: pa.Schema, columns: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Iterate over the rows of a Parquet file, with some of its columns or all.

    Raises:
        DestinationError: It has other columns, or cannot be read.
    """
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(schema):
                raise DestinationError(
                    f"{path} has other columns than this harvest: harvest all anew"
                )
            yield from file.iter_batches(_BATCH, columns=columns, use_threads=False)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # The system's, not Arrow's.
        raise damaged(path, error) from None


def sorting_columns(schema: pa.Schema, key: str | None) -> list[pq.SortingColumn] | None:
    """The declaration that a file is sorted by a column."""
    if key is None:
        return None
    # The columns of Parquet are the leaves.
    before = schema.names.index(key)
    return [pq.SortingColumn(sum(_leaves(field.type) for field in [*schema][:before]))]


def _leaves(type_: Any) -> int:
    """The number of columns of Parquet that a column of Arrow has."""
    if pa.types.is_struct(type_):
        return sum(_leaves(field.type) for field in type_)
    return _leaves(type_.value_type) if pa.types.is_list(type_) else 1


def _slices(rows: Sequence[Row]) -> Iterator[pa.RecordBatch]:
    """The rows, those that follow each other in a record batch together."""
    start = 0
    for end in range(1, len(rows) + 1):
        first = rows[start]
        if end < len(rows):
            row = rows[end]
            if row.batch is first.batch and row.number == first.number + end - start:
                continue
        yield first.batch.slice(first.number, end - start)
        start = end
