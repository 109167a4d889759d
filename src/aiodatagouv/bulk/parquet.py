"""Parquet files, in which nested objects and lists are kept."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .._disk import created, part_of, replace, sync, sync_folder
from .._ownership import foreign
from ..errors import CheckpointError, DestinationError
from . import columns
from .lines import item_of
from .sinks import Seal, aside, check_part, check_same, checkpoint_of, damaged, lost

ROW_GROUP = 8 << 20
"""Approximate bytes of a row group in memory. With many columns, small groups are inefficient."""

_BATCH = 100
"""Rows that are held as Python objects at once."""

_NAMES = re.compile(r"\d{6,}|whole")
"""The names of the temporary files."""


class Parquet:
    """A Parquet file.

    A Parquet file cannot grow, as its metadata are at its end. Each commit therefore writes an
    Arrow file to a temporary folder; the end of the harvest merges these files into row groups.

    Attributes:
        checkpoint: The path of the checkpoint.
    """

    def __init__(self, path: Path, schema: pa.Schema, key: str = "id") -> None:
        self.checkpoint = checkpoint_of(path)
        self._key = key
        self._path = path
        self._folder = part_of(aside(path))
        self._whole = self._folder / "whole"
        self._schema = schema
        self._rows = columns.Rows(schema)
        # Arrow's default pool would keep memory that is no longer used.
        self._pool = pa.system_memory_pool()
        self._count = 0
        self._hash = hashlib.sha256()
        self._file: BufferedRandom | None = None
        self._writer: Any = None
        self._written: os.stat_result | None = None

    def open(self, state: Any) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`.

        The state is the number of Arrow files, and the checksum of their checksums.
        """
        if state is None:
            self.discard()
            self._folder.mkdir()
            sync_folder(self._folder.parent)
            return
        self._count = state["pieces"]
        self._hash = self._checksum()
        if self._hash.hexdigest() != state["sha256"]:
            raise lost(self._folder)
        if self._count:
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

    def commit(self) -> dict[str, Any]:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        if self._file is not None:
            with self._file:
                self._writer.close()
                sync(self._file)
                _add(self._hash, self._file)
            self._file = None
            sync_folder(self._folder)
            self._pool.release_unused()
            self._count += 1
        return {"pieces": self._count, "sha256": self._hash.hexdigest()}

    def seal(self) -> Seal:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        if self._checksum().digest() != self._hash.digest():
            raise lost(self._folder)
        items = 0
        with self._new(self._whole) as file:
            with pq.ParquetWriter(
                file, self._schema, compression="zstd", memory_pool=self._pool
            ) as writer:
                for table in self._row_groups():
                    items += table.num_rows
                    writer.write_table(table, row_group_size=table.num_rows)
                    del table  # Free its memory before the next one is read.
                    self._pool.release_unused()
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

    def _checksum(self) -> hashlib._Hash:
        """The checksum of the checksums of all Arrow files.

        Raises:
            CheckpointError: One of them is missing.
        """
        paths = [self._arrow(number) for number in range(self._count)]
        if not self._has_folder() or not all(path.is_file() for path in paths):
            raise lost(self._folder)
        whole = hashlib.sha256()
        for path in paths:
            with path.open("rb") as file:
                _add(whole, file)
        return whole

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
        return [self._rows.row(item_of(item)) for item in items]

    def write_rows(self, rows: list[dict[str, Any]]) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        if not rows:
            return
        if self._file is None:
            self._file = self._new(self._arrow(self._count))
            options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
            self._writer = pa.ipc.new_file(self._file, self._schema, options=options)
        self._writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=self._schema))

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

    def _has_folder(self) -> bool:
        """Whether the temporary folder exists, and is no link to another one."""
        return self._folder.is_dir() and not self._folder.is_symlink()

    def _files(self) -> list[Path]:
        """The files in the temporary folder."""
        return sorted(self._folder.iterdir()) if self._has_folder() else []

    def existing(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        try:
            with pq.ParquetFile(self._path) as file:
                if not file.schema_arrow.equals(self._schema):
                    raise DestinationError(
                        f"{self._path} has other columns than this harvest: harvest all anew"
                    )
                for batch in file.iter_batches(batch_size=_BATCH):
                    for row in batch.to_pylist():
                        yield row[self._key], row
        except (pa.ArrowException, OSError, UnicodeError) as error:
            if isinstance(error, OSError) and error.errno:
                raise  # The system's, not Arrow's.
            raise damaged(self._path, error) from None

    def _new(self, path: Path) -> BufferedRandom:
        """Create a temporary file, in place of that of an interrupted run."""
        path.unlink(missing_ok=True)
        return created(path, self._path)

    def _arrow(self, number: int) -> Path:
        """The path of the Arrow file of a commit."""
        return self._folder / f"{number:06}"


def _add(whole: hashlib._Hash, file: BufferedReader | BufferedRandom) -> None:
    """Add the checksum of a file to the checksum of several."""
    file.seek(0)
    whole.update(hashlib.file_digest(file, "sha256").digest())
