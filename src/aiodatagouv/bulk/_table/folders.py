"""A folder of Parquet files, partitioned as Hive does, which appears and is replaced as a whole."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from attrs import evolve

from ..._disk import created, reopened, sync, sync_folder
from ..._ownership import foreign
from ...errors import DestinationError
from .._journal.fingerprint import fingerprint
from .._journal.place import Seal
from ..sinks import check_part, check_same
from .parquet import ROW_GROUP, Parquet, Row, batches_in, write_group
from .partitions import Partitions
from .pieces import free
from .sorting import Ordering
from .tree import FILE, METADATA, check_ours, folders, remove

_PIECES = re.compile(r"\d{6,}|sorted-\d+")
"""The names of the temporary files."""

MOST = 1000
"""The most partitions. Each is a file: many small ones are slow to write and to read."""


class ParquetFolder(Parquet):
    """A folder of Parquet files.

    The new folder is written in the temporary one, where the old one is moved before the new one
    takes its place: after a kill in between, the next run moves it back.
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        partitions: Partitions,
        *,
        key: str | None = "id",
        query: Mapping[str, Any] | None = None,
        is_part: bool = False,
    ) -> None:
        """Prepare to write.

        Args:
            path: The folder.
            schema: The columns.
            partitions: The partitions.
            key: The column to sort by, which identifies the item of a row. None for none.
            query: The identity of the harvest, for the metadata of the files.
            is_part: Whether it is read together with other folders.
        """
        super().__init__(path, schema, key=key, query=query)
        self._partitions = partitions
        self._old = self._folder / "old"
        self._known = set[str]()
        # Without rows, readers find the columns in an empty file: those of several folders demand
        # that all files are as deep, and Arrow cannot read one folder with null partitions only.
        self._empty = partitions.null if is_part else ""

    @property
    def _model(self) -> Path:
        return self._path / METADATA

    def seal(self) -> Seal:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        self._pieces.check()
        remove(self._whole)
        self._whole.mkdir()
        items, collected = 0, list[pq.FileMetaData]()
        for folder, tables in groupby(self._sorted(), lambda pair: pair[0]):
            self._check_number(len(collected) + 1)
            items += self._write_file(folder, (table for _, table in tables), collected)
        if not collected:  # Otherwise readers would find no columns.
            self._write_file(self._empty, iter(()), collected)
        self._write_metadata(collected)
        for path in folders(self._whole):
            sync_folder(path)
        self._written = self._whole.lstat()
        return Seal(*fingerprint(self._whole), items)

    def finish(self) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        assert self._written is not None
        check_same(self._written, self._whole)
        if self._path.exists():
            remove(self._old)
            shutil.copymode(self._path, self._whole)
            self._path.replace(self._old)
            sync_folder(self._folder)
        self._whole.replace(self._path)
        sync_folder(self._path.parent)
        self.discard()

    def exists(self) -> bool:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return self._path.is_dir() or self._old.is_dir()

    def claim(self, is_known: bool, /) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        check_part(self._folder, stat.S_ISDIR, is_known=is_known)
        for path in self._files():
            if path in (self._whole, self._old):
                check_part(path, stat.S_ISDIR, is_known=is_known)
                check_ours(path)
            elif not _PIECES.fullmatch(path.name):
                raise foreign(path, "is in the folder of a harvest, but not one of its files")
            else:
                check_part(path, stat.S_ISREG, is_known=is_known)
        self._move_back()
        if self._path.exists():
            if not self.checkpoint.exists():
                raise foreign(self._path, "is a folder that no checkpoint knows")
            check_ours(self._path)

    def discard(self) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        if not self._has_folder():
            return
        self._move_back()
        for path in self._files():
            if path in (self._whole, self._old):
                remove(path)
            elif _PIECES.fullmatch(path.name):
                path.unlink()
        self._folder.rmdir()

    def _move_back(self) -> None:
        """Give the old folder its name again, if a kill came before the new one had it."""
        if self._has_folder() and self._old.is_dir() and not self._path.exists():
            self._old.replace(self._path)
            sync_folder(self._path.parent)

    def rows(self, items: Iterable[bytes]) -> list[Row]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        rows = super().rows(items)
        if not rows:
            return rows
        batch = self._partitions.as_read(rows[0].batch)
        return [evolve(row, batch=batch) for row in rows]

    @property
    def _stored(self) -> pa.Schema:
        return self._partitions.schema

    def _tables(self) -> list[Path]:
        return sorted(self._path.glob(f"**/{FILE}"))

    def _existing(self) -> Iterator[pa.RecordBatch]:
        for path in self._tables():
            folder = path.parent.relative_to(self._path).as_posix()
            for batch in batches_in(path, self._stored):
                yield self._partitions.restored(batch, folder)

    def _add(self, batch: pa.RecordBatch) -> None:
        self._known.update(self._partitions.folders(batch))
        self._check_number(len(self._known))
        super()._add(batch)

    def _check_number(self, count: int) -> None:
        """Refuse too many partitions before their rows are written."""
        if count > MOST:
            raise DestinationError(
                f"partition_by: {self._partitions} makes more than {MOST:,} partitions: take fewer "
                "columns, or such with fewer values"
            )

    def _ordering(self) -> Ordering:
        own = [] if self._key is None else [self._schema.get_field_index(self._key)]
        wanted = sorted({*self._partitions.columns, *own})
        return Ordering(wanted, self._key, self._partitions.folders, ROW_GROUP)

    def _write_file(
        self, folder: str, tables: Iterator[pa.Table], collected: list[pq.FileMetaData]
    ) -> int:
        """Write the file of a partition, and return the number of its rows."""
        items, path = 0, self._whole / folder / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = self._partitions.schema
        with self._new(path) as file:
            with self._writer(file, schema, metadata_collector=collected) as writer:
                for table in tables:
                    items += table.num_rows
                    write_group(writer, self._partitions.stored(table))
                    del table  # Free its memory before the next one is read.
                    free()
            sync(file)
        collected[-1].set_file_path(path.relative_to(self._whole).as_posix())
        return items

    def _write_metadata(self, collected: list[pq.FileMetaData]) -> None:
        """Write the file with the metadata of all files."""
        path = self._whole / METADATA
        created(path, self._model).close()
        schema = self._partitions.schema.with_metadata(self._metadata())
        pq.write_metadata(schema, str(path), metadata_collector=collected)
        with reopened(path) as file:
            sync(file)
