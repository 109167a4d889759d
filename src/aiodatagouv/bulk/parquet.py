"""Parquet files: a row group for each commit, with what is nested kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import DestinationError
from . import columns
from .files import part_of, replace, sync, sync_folder
from .sinks import checkpoint_of, lost


class Parquet:
    """A Parquet file. A file of that format says at its end what is in it, so it cannot grow.

    What is written goes to a folder of files of one row group each, as they come; at the end
    they are put together, one after the other.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._folder = part_of(path)
        self._schema = schema
        self._pending: list[pa.RecordBatch] = []
        self._count = 0

    @property
    def checkpoint(self) -> Path:
        """The file that says how far the harvest is."""
        return checkpoint_of(self._path)

    def open(self, state: Any) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`; the state is the number of row groups."""
        if state is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir()
            return
        self._count = state
        if not all(part.exists() for part in self._parts()):
            raise lost(self._folder)

    def write(self, items: Sequence[bytes]) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        self.write_rows(self.rows(items))

    def commit(self) -> int:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        if self._pending:
            table = pa.Table.from_batches(self._pending, self._schema).combine_chunks()
            with self._part(self._count).open("wb") as file:
                pq.write_table(table, file, compression="zstd", row_group_size=max(len(table), 1))
                sync(file)
            sync_folder(self._folder)
            self._pending.clear()
            self._count += 1
        return self._count

    def finish(self) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        whole = self._folder / "whole"
        with whole.open("wb") as file:
            with pq.ParquetWriter(file, self._schema, compression="zstd") as writer:
                for part in self._parts():
                    writer.write_table(pq.read_table(part, memory_map=True))
            sync(file)
        replace(whole, self._path)
        shutil.rmtree(self._folder)

    def close(self) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        self._pending.clear()

    def rows(self, items: Iterable[bytes]) -> list[dict[str, Any]]:
        """What is written for some items."""
        return [columns.row(msgspec.json.decode(item), self._schema) for item in items]

    def write_rows(self, rows: list[dict[str, Any]]) -> None:
        """Write what :meth:`rows` or :meth:`previous` have given."""
        if rows:
            self._pending.append(pa.RecordBatch.from_pylist(rows, schema=self._schema))

    def exists(self) -> bool:
        """Whether there is a file already."""
        return self._path.exists()

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
