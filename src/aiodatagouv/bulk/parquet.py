"""Parquet files, in which nested objects and lists are kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import CheckpointError, DestinationError
from ..files import part_of, replace, sync, sync_folder
from . import columns
from .sinks import checkpoint_of, lost

ROW_GROUP = 8 << 20
"""Approximate bytes of a row group in memory. With many columns, small groups are inefficient."""

_BATCH = 100
"""Rows that are held as Python objects at once."""


class Parquet:
    """A Parquet file.

    A Parquet file cannot grow, as its metadata are at its end. Each commit therefore writes an
    Arrow file to a temporary folder; the end of the harvest merges these files into row groups.

    Attributes:
        checkpoint: The path of the checkpoint.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.checkpoint = checkpoint_of(path)
        self._path = path
        self._folder = part_of(path)
        self._schema = schema
        self._rows = columns.Rows(schema)
        # Arrow's default pool would keep memory that is no longer used.
        self._pool = pa.system_memory_pool()
        self._count = 0
        self._file: BinaryIO | None = None
        self._writer: Any = None

    def open(self, state: Any) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`; the state is the number of Arrow files."""
        if state is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir()
            sync_folder(self._folder.parent)
            return
        self._count = state
        if not all(self._arrow(number).exists() for number in range(state)):
            raise lost(self._folder)
        if state:
            with self._arrow(0).open("rb") as file, pa.ipc.open_file(file) as reader:
                if not reader.schema.equals(self._schema, check_metadata=True):
                    raise CheckpointError(
                        f"{self._arrow(0)} has other columns than this harvest: harvest all anew, "
                        "without resuming"
                    )

    def write(self, items: Sequence[bytes]) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        for start in range(0, len(items), _BATCH):
            self.write_rows(self.rows(items[start : start + _BATCH]))

    def commit(self) -> int:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        if self._file is not None:
            with self._file:
                self._writer.close()
                sync(self._file)
            self._file = None
            sync_folder(self._folder)
            self._pool.release_unused()
            self._count += 1
        return self._count

    def finish(self) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        whole = self._folder / "whole"
        with whole.open("wb") as file:
            with pq.ParquetWriter(
                file, self._schema, compression="zstd", memory_pool=self._pool
            ) as writer:
                for table in self._row_groups():
                    writer.write_table(table, row_group_size=table.num_rows)
                    del table  # Free its memory before the next one is read.
                    self._pool.release_unused()
            sync(file)
        replace(whole, self._path)
        shutil.rmtree(self._folder)

    def _row_groups(self) -> Iterator[pa.Table]:
        """Iterate over the rows written, in tables of the size of a row group."""
        tables: list[pa.Table] = []
        for number in range(self._count):
            with (
                self._arrow(number).open("rb") as file,
                pa.ipc.open_file(file, memory_pool=self._pool) as reader,
            ):
                tables.append(reader.read_all())
            if sum(table.nbytes for table in tables) >= ROW_GROUP:
                yield pa.concat_tables(tables)
                tables.clear()
        if tables:
            yield pa.concat_tables(tables)

    def close(self) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        if self._file is not None:  # It is incomplete: the next run overwrites it.
            self._file.close()

    def rows(self, items: Iterable[bytes]) -> list[dict[str, Any]]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return [self._rows.row(msgspec.json.decode(item)) for item in items]

    def write_rows(self, rows: list[dict[str, Any]]) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        if not rows:
            return
        if self._file is None:
            self._file = self._arrow(self._count).open("wb")
            options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
            self._writer = pa.ipc.new_file(self._file, self._schema, options=options)
        self._writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=self._schema))

    def exists(self) -> bool:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return self._path.exists()

    def discard(self) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def existing(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        with pq.ParquetFile(self._path) as file:
            if not file.schema_arrow.equals(self._schema):
                raise DestinationError(
                    f"{self._path} has other columns than this harvest: harvest all anew"
                )
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    yield row["id"], row

    def _arrow(self, number: int) -> Path:
        """The path of the Arrow file of a commit."""
        return self._folder / f"{number:06}"
