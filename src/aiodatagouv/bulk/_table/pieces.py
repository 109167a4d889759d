"""Arrow files in a folder: what the commits of a harvest have written, until it is sorted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedRandom, BufferedReader
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
from attrs import define, field, frozen

from ..._disk import created, sync, sync_folder
from ...errors import CheckpointError
from ..sinks import lost
from .batches import POOL, joined

_TOGETHER = 1 << 20
"""Approximate bytes of a record batch: large ones take less time to write, and to find a row in."""

_SIZE = b"size"
"""The metadata of a record batch that are its bytes in memory."""


@frozen
class Stored:
    """A record batch in an Arrow file.

    Attributes:
        path: The file.
        number: Its number there.
    """

    path: Path
    number: int


def read(
    stored: Iterable[Stored], wanted: Sequence[int] | None = None
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Iterate over stored record batches, opening a file once for those that follow each other.

    Args:
        stored: The record batches.
        wanted: The numbers of the columns wanted; None for all.

    Yields:
        A record batch, and the size of all of it in memory, in bytes.
    """
    columns = None if wanted is None else [*wanted]
    options = pa.ipc.IpcReadOptions(included_fields=columns, use_threads=False)
    for path, together in groupby(stored, lambda one: one.path):
        with (
            pa.OSFile(str(path), "rb") as file,
            pa.ipc.open_file(file, options=options, memory_pool=POOL) as reader,
        ):
            for one in together:
                batch, facts = reader.get_batch_with_custom_metadata(one.number)
                yield batch, int(facts[_SIZE])
                del batch  # Free its memory before the next one is read.


@define
class ArrowFile:
    """An Arrow file that is being written.

    Attributes:
        file: The file.
        schema: The columns.
        together: Approximate bytes of a record batch.
    """

    file: BufferedRandom
    schema: pa.Schema
    together: int = _TOGETHER
    _writer: Any = None
    _pending: list[pa.RecordBatch] = field(factory=list[pa.RecordBatch])
    _size: int = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self._pending.append(batch)
        self._size += batch.nbytes
        if self._size >= self.together:
            self._flush()

    def finish(self) -> None:
        """Write what was added, and the end of the file."""
        self._flush()
        self._writer.close()
        self._writer = None

    def close(self) -> None:
        """Close the file, which is incomplete unless it was finished."""
        self.file.close()

    def _flush(self) -> None:
        if self._writer is None:
            options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
            self._writer = pa.ipc.new_file(self.file, self.schema, options=options)
        if self._pending:
            batch = joined(self._pending, self.schema)
            self._writer.write_batch(batch, custom_metadata={_SIZE: str(self._size)})
            self._pending.clear()
            self._size = 0


class Pieces:
    """The Arrow files of the commits.

    Attributes:
        count: Their number.
    """

    def __init__(self, folder: Path, schema: pa.Schema, target: Path) -> None:
        """Prepare to write.

        Args:
            folder: The folder of the files.
            schema: The columns.
            target: The path whose permissions the files have.
        """
        self.count = 0
        self._folder, self._schema, self._target = folder, schema, target
        self._hash = hashlib.sha256()
        self._open: ArrowFile | None = None

    def restore(self, state: Any) -> None:
        """Continue after a commit.

        Raises:
            CheckpointError: A file is missing, or another one than it was, or has other columns.
        """
        self.count = state["pieces"]
        self._hash = self._checksum()
        if self._hash.hexdigest() != state["sha256"]:
            raise lost(self._folder)
        if self.count:
            with self._path(0).open("rb") as file, pa.ipc.open_file(file) as reader:
                if not reader.schema.equals(self._schema, check_metadata=True):
                    raise CheckpointError(
                        f"{self._path(0)} has other columns than this harvest: harvest all anew, "
                        "without resuming"
                    )

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows to those of the next commit."""
        if self._open is None:
            path = self._path(self.count)
            path.unlink(missing_ok=True)  # Of an interrupted run.
            self._open = ArrowFile(created(path, self._target), self._schema)
        self._open.add(batch)

    def commit(self) -> dict[str, Any]:
        """Flush the rows to disk, and return the state for :meth:`restore`."""
        if self._open is not None:
            with self._open.file as file:
                self._open.finish()
                sync(file)
                _add(self._hash, file)
            self._open = None
            sync_folder(self._folder)
            free()
            self.count += 1
        return {"pieces": self.count, "sha256": self._hash.hexdigest()}

    def close(self) -> None:
        """Close the files. What was not committed is incomplete: the next run overwrites it."""
        if self._open is not None:
            self._open.close()

    def check(self) -> None:
        """Check that the files are those that were written.

        Raises:
            CheckpointError: One is missing, or another one.
        """
        if self._checksum().digest() != self._hash.digest():
            raise lost(self._folder)

    def batches(self) -> Iterator[Stored]:
        """Iterate over the record batches in the files."""
        for number in range(self.count):
            yield from batches_of(self._path(number))

    def _path(self, number: int) -> Path:
        """The path of the file of a commit."""
        return self._folder / f"{number:06}"

    def _checksum(self) -> hashlib._Hash:
        """The checksum of the checksums of all files.

        Raises:
            CheckpointError: One of them is missing.
        """
        paths = [self._path(number) for number in range(self.count)]
        is_there = self._folder.is_dir() and not self._folder.is_symlink()
        if not is_there or not all(path.is_file() for path in paths):
            raise lost(self._folder)
        whole = hashlib.sha256()
        for path in paths:
            with path.open("rb") as file:
                _add(whole, file)
        return whole


def free() -> None:
    """Give memory that Arrow no longer uses back to the system."""
    POOL.release_unused()
    pa.default_memory_pool().release_unused()


def batches_of(path: Path) -> list[Stored]:
    """The record batches in an Arrow file."""
    with path.open("rb") as file, pa.ipc.open_file(file) as reader:
        return [Stored(path, number) for number in range(reader.num_record_batches)]


def _add(whole: hashlib._Hash, file: BufferedReader | BufferedRandom) -> None:
    """Add the checksum of a file to the checksum of several."""
    file.seek(0)
    whole.update(hashlib.file_digest(file, "sha256").digest())
