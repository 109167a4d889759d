"""The destinations of a harvest: the protocols that they follow, and JSON Lines files."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast, runtime_checkable

import msgspec

from ..errors import CheckpointError, DestinationError
from ..files import part_of, replace, sync, sync_folder

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
"""The suffixes of the file formats that can be written."""


@runtime_checkable
class Sink(Protocol):
    """The protocol of a destination, open to users. Its methods are called one at a time."""

    @property
    def checkpoint(self) -> Path | None:
        """The path of the checkpoint; None if an interrupted harvest cannot be resumed."""

    def open(self, state: Any) -> None:
        """Start writing: anew, or after the last commit of an interrupted run.

        Args:
            state: The state that :meth:`commit` returned, or None to start anew. Items written
                after that commit must be dropped.

        Raises:
            CheckpointError: Items written before that commit are lost.
        """

    def write(self, items: Sequence[bytes]) -> None:
        """Write some items, each of them a JSON object without a line break."""

    def commit(self) -> Any:
        """Flush the items written to disk; return the state for :meth:`open`, as JSON."""

    def finish(self) -> None:
        """Complete the destination after the last commit, and give it its final name.

        If the process is killed meanwhile, the next run calls :meth:`open` and this method again.
        When the final name was given already, :meth:`open` raises a CheckpointError.
        """

    def close(self) -> None:
        """Release all resources, whether the harvest is finished or not. The last call."""


@runtime_checkable
class FileSink(Sink, Protocol):
    """The protocol of a file that can be updated. A row is an item in the format of the file."""

    def rows(self, items: Iterable[bytes]) -> list[Any]:
        """Convert items, as for :meth:`Sink.write`, into rows."""
        ...

    @property
    def checkpoint(self) -> Path:
        """The path of the checkpoint."""
        ...

    def exists(self) -> bool:
        """Whether the file exists under its final name."""
        ...

    def discard(self) -> None:
        """Remove the temporary files of a harvest."""

    def existing(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the ids and rows of the existing file.

        Raises:
            DestinationError: The file has other contents than the harvest.
        """
        ...

    def write_rows(self, rows: list[Any]) -> None:
        """Write rows that :meth:`rows` or :meth:`existing` returned."""


class JsonLines:
    """A file with a JSON object in each line, compressed or not.

    Each commit is compressed separately, since gzip and Zstandard files may be concatenated: the
    file can be truncated after any commit.

    Attributes:
        checkpoint: The path of the checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self.checkpoint = checkpoint_of(path)
        self._path = path
        self._part = part_of(path)
        self._compress, self._open = _codec(path)
        self._file: BinaryIO | None = None
        self._pending = bytearray()

    def open(self, state: Any) -> None:
        """See :class:`Sink`; the state is the size of the file in bytes."""
        if state is None:
            self._file = self._part.open("wb")
            sync_folder(self._part.parent)
            return
        if not self._part.exists() or self._part.stat().st_size < state:
            raise lost(self._part)
        self._file = self._part.open("r+b")
        self._file.truncate(state)
        self._file.seek(state)

    def write(self, items: Sequence[bytes]) -> None:
        """See :class:`Sink`."""
        for item in items:
            self._pending += item
            self._pending += b"\n"

    def commit(self) -> int:
        """See :class:`Sink`."""
        assert self._file is not None
        if self._pending:
            self._file.write(self._compress(bytes(self._pending)))
            self._pending.clear()
        sync(self._file)
        return self._file.tell()

    def finish(self) -> None:
        """See :class:`Sink`."""
        assert self._file is not None
        if not self._file.tell():  # A compressed file without items is not empty.
            self._file.write(self._compress(b""))
        sync(self._file)
        self.close()
        replace(self._part, self._path)

    def close(self) -> None:
        """See :class:`Sink`."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def rows(self, items: Iterable[bytes]) -> list[bytes]:
        """See :class:`FileSink`."""
        return [*items]

    def write_rows(self, rows: list[bytes]) -> None:
        """See :class:`FileSink`."""
        self.write(rows)

    def exists(self) -> bool:
        """See :class:`FileSink`."""
        return self._path.exists()

    def discard(self) -> None:
        """See :class:`FileSink`."""
        self._part.unlink(missing_ok=True)

    def existing(self) -> Iterator[tuple[str, bytes]]:
        """See :class:`FileSink`."""
        decoder = msgspec.json.Decoder(_Identified)
        with self._open() as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield decoder.decode(line).id, line.rstrip(b"\n")
                except msgspec.DecodeError as error:
                    raise DestinationError(
                        f"{self._path}, line {number}: {error}: changes can only be merged into "
                        "JSON objects with an id"
                    ) from None


class _Identified(msgspec.Struct):
    """An item of which only the id is decoded."""

    id: str


def checkpoint_of(path: Path) -> Path:
    """The path of the checkpoint of a destination, beside it."""
    return path.with_name(f"{path.name}.checkpoint")


def lost(part: Path) -> CheckpointError:
    """The error for temporary files that lack items which the checkpoint covers."""
    return CheckpointError(
        f"{part} lacks items that its checkpoint covers: harvest all anew, without resuming"
    )


def needs(package: str, extra: str, path: Path) -> DestinationError:
    """The error for a package that is not installed."""
    return DestinationError(
        f"{path} needs the package {package}: pip install 'aiodatagouv[{extra}]'"
    )


def _codec(path: Path) -> tuple[Callable[[bytes], bytes], Callable[[], BinaryIO]]:
    """The functions that compress lines, and that open the file to read its lines.

    Raises:
        DestinationError: The package for the compression is not installed.
    """
    if path.suffix == ".gz":
        return partial(gzip.compress, compresslevel=6, mtime=0), lambda: cast(
            "BinaryIO", gzip.open(path)
        )
    if path.suffix != ".zst":
        return bytes, lambda: path.open("rb")
    try:
        import zstandard
    except ImportError:
        raise needs("zstandard", "zstd", path) from None

    def decompressed() -> BinaryIO:
        file = path.open("rb")
        frames = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return BufferedReader(cast("RawIOBase", frames))

    return zstandard.ZstdCompressor().compress, decompressed
