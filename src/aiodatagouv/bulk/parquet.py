"""Parquet files, with what is nested kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import CheckpointError, DestinationError
from ..files import part_of, replace, sync, sync_folder
from . import columns
from .sinks import checkpoint_of, lost

ROW_GROUP = 8 << 20
"""Bytes in memory of a row group, about: what each has of its own is large for so many columns."""

_AT_ONCE = 100
"""Items of which the rows are in memory at once, as Python's objects."""

_MANY = 1 << 30
"""Rows of a row group at most: more than there ever are."""


class Parquet:
    """A Parquet file. A file of that format says at its end what is in it, so it cannot grow.

    What is written goes to a folder of Arrow files, one for each commit; at the end they are put
    together to row groups, one after the other.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._folder = part_of(path)
        self._schema = schema
        self._rows = columns.Rows(schema)
        # That of the system gives back what is not used any more.
        self._pool = pa.system_memory_pool()
        self._writing: _Part | None = None
        self._count = 0

    @property
    def checkpoint(self) -> Path:
        """The file that says how far the harvest is."""
        return checkpoint_of(self._path)

    def open(self, state: Any) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`; the state is the number of those files."""
        if state is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir()
            sync_folder(self._folder.parent)
            return
        self._count = state
        if not all(part.exists() for part in self._parts()):
            raise lost(self._folder)
        for part in self._parts()[:1]:
            with part.open("rb") as file, pa.ipc.open_file(file) as reader:
                if not reader.schema.equals(self._schema, check_metadata=True):
                    raise CheckpointError(
                        f"{part} has other columns than this harvest: begin anew, without resuming"
                    )

    def write(self, items: Sequence[bytes]) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        for start in range(0, len(items), _AT_ONCE):
            self.write_rows(self.rows(items[start : start + _AT_ONCE]))

    def commit(self) -> int:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.close()
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
                    writer.write_table(table, row_group_size=_MANY)
                    del table  # Before the next one is read.
                    self._pool.release_unused()
            sync(file)
        replace(whole, self._path)
        shutil.rmtree(self._folder)

    def _row_groups(self) -> Iterator[pa.Table]:
        """What has been written, put together to pieces of a size that is good to read."""
        tables: list[pa.Table] = []
        for number in range(self._count):
            with (
                self._part(number).open("rb") as file,
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
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.give_up()

    def rows(self, items: Iterable[bytes]) -> list[dict[str, Any]]:
        """What is written for some items."""
        return [self._rows.row(msgspec.json.decode(item)) for item in items]

    def write_rows(self, rows: list[dict[str, Any]]) -> None:
        """Write what :meth:`rows` or :meth:`previous` have given."""
        if not rows:
            return
        if self._writing is None:
            self._writing = _Part(self._part(self._count), self._schema)
        self._writing.write(pa.RecordBatch.from_pylist(rows, schema=self._schema))

    def exists(self) -> bool:
        """Whether there is a file already."""
        return self._path.exists()

    def discard(self) -> None:
        """Remove what a harvest may have left that was finished."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def previous(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rows of the file that is there, each with the id of its item."""
        with pq.ParquetFile(self._path) as file:
            if not file.schema_arrow.equals(self._schema):
                raise DestinationError(
                    f"{self._path} has other columns than those of this harvest: harvest all anew"
                )
            for batch in file.iter_batches(batch_size=100):
                for row in batch.to_pylist():
                    yield row["id"], row

    def _parts(self) -> list[Path]:
        return [self._part(number) for number in range(self._count)]

    def _part(self, number: int) -> Path:
        return self._folder / f"{number:06}"


class _Part:
    """An Arrow file that is being written."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = path.open("wb")
        options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
        self._writer = pa.ipc.new_file(self._file, schema, options=options)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write some rows."""
        self._writer.write_batch(batch)

    def close(self) -> None:
        """Return once all is on disk."""
        with self._file:
            self._writer.close()
            sync(self._file)

    def give_up(self) -> None:
        """Leave it as it is: it does not count."""
        self._file.close()
