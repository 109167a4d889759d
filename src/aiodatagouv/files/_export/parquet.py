"""Tables of typed rows as Parquet files, written in row groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO, Self

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from .columns import Kind

_BATCH = 1000
"""Rows that are held as Python objects."""

_ROW_GROUP = 8 << 20
"""Approximate bytes of a row group in memory."""

_TYPES: Mapping[Kind, pa.DataType] = {
    "text": pa.string(),
    "flag": pa.bool_(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "day": pa.date32(),
    "moment": pa.timestamp("us", tz="UTC"),
    "list": pa.list_(pa.string()),
    "json": pa.string(),
}


class Parquet:
    """A Parquet file that is written; leaving the context completes it.

    Args:
        file: The file.
        kinds: Its columns, and the type of each.
    """

    def __init__(self, file: BinaryIO, kinds: Mapping[str, Kind]) -> None:
        self._json = [name for name, kind in kinds.items() if kind == "json"]
        self._schema = pa.schema(
            [
                pa.field(
                    name, _TYPES[kind], metadata={b"format": b"json"} if kind == "json" else None
                )
                for name, kind in kinds.items()
            ]
        )
        # The system's allocator would fragment: the memory of Arrow is not that of Python's texts.
        self._pool = pa.default_memory_pool()
        self._writer = pq.ParquetWriter(
            file, self._schema, compression="zstd", memory_pool=self._pool
        )
        self._rows: list[dict[str, Any]] = []
        self._batches: list[pa.RecordBatch] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.flush()
            self._write_group()
        self._writer.close()

    def add(self, row: dict[str, Any]) -> bool:
        """Add a row; return whether it is time to call :meth:`flush`."""
        for name in self._json:
            if row[name] is not None:
                row[name] = msgspec.json.encode(row[name]).decode()
        self._rows.append(row)
        return len(self._rows) >= _BATCH

    def flush(self) -> None:
        """Convert the rows that were added, and write a row group if there are enough of them."""
        if self._rows:
            cells = [
                pa.array([row[one.name] for row in self._rows], one.type, memory_pool=self._pool)
                for one in self._schema
            ]
            self._batches.append(pa.RecordBatch.from_arrays(cells, schema=self._schema))
            self._rows = []
        if sum(batch.nbytes for batch in self._batches) >= _ROW_GROUP:
            self._write_group()

    def _write_group(self) -> None:
        if self._batches:
            table = pa.Table.from_batches(self._batches)
            self._batches = []
            self._writer.write_table(table, row_group_size=table.num_rows)
            del table  # Free its memory before the next one is read.
            self._pool.release_unused()
