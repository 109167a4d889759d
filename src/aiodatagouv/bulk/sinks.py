"""The destinations of a harvest: the protocols that they follow, and JSON Lines files."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast, runtime_checkable

import msgspec
from attrs import asdict, frozen

from .._disk import created, part_of, reopened, replace, sync, sync_folder
from .._ownership import foreign
from ..errors import CheckpointError, DestinationError, one_line

LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
"""The suffixes of JSON Lines, compressed or not."""

SUFFIXES = (*LINES, ".parquet")
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


@frozen
class Seal:
    """The identity of a file that a harvest has written, up to the latest commit or to its end.

    Attributes:
        size: Its size in bytes.
        sha256: Its SHA-256 checksum.
        items: The number of items in it.
    """

    size: int
    sha256: str
    items: int

    def fits(self, path: Path) -> bool:
        """Whether a file has exactly these bytes."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


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

    def claim(self, is_known: bool, /) -> None:
        """Check that nobody else's files are where the temporary files are.

        Args:
            is_known: Whether the checkpoint records that a harvest has temporary files there.

        Raises:
            DestinationError: There is something else, which must not be overwritten.
        """

    def seal(self) -> Seal:
        """Complete the file after the last commit, but leave it under its temporary name.

        Returns:
            The identity of the file, by which it is recognised under its final name.
        """
        ...

    def holds(self, seal: Seal) -> bool:
        """Whether the file under its final name is the one that :meth:`seal` completed."""
        ...

    def discard(self) -> None:
        """Remove the temporary files of this harvest."""

    def existing(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the ids and rows of the existing file.

        Raises:
            DestinationError: The file has other contents than the harvest.
        """
        ...

    def write_rows(self, rows: list[Any]) -> None:
        """Write rows that :meth:`rows` or :meth:`existing` returned."""


_CHUNK = 1 << 20
"""Bytes of an interrupted file that are read at once."""


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
        self._compress, self._open, self._failures = _codec(path)
        self._file: BinaryIO | None = None
        self._pending = bytearray()
        self._hash = hashlib.sha256()
        self._items = 0
        self._is_ours = False

    def open(self, state: Any) -> None:
        """See :class:`Sink`; the state is the :class:`Seal` of the file so far."""
        if state is None:
            self._part.unlink(missing_ok=True)  # The checkpoint knows it: see `claim`.
            self._is_ours = False
            self._file = created(self._part, self._path)
            self._is_ours = True
            sync_folder(self._part.parent)
            return
        self._is_ours = False  # Until its content is known to be that of the checkpoint.
        seal = Seal(**state)
        if not self._part.exists() or self._part.stat().st_size < seal.size:
            raise lost(self._part)
        file = reopened(self._part)
        try:
            left = seal.size
            while left and (chunk := file.read(min(left, _CHUNK))):
                self._hash.update(chunk)
                left -= len(chunk)
            if self._hash.hexdigest() != seal.sha256:
                raise lost(self._part)
            file.truncate(seal.size)
            file.seek(seal.size)
        except BaseException:
            file.close()
            raise
        self._file, self._items, self._is_ours = file, seal.items, True

    def write(self, items: Sequence[bytes]) -> None:
        """See :class:`Sink`."""
        for item in items:
            self._pending += item
            self._pending += b"\n"
        self._items += len(items)

    def commit(self) -> dict[str, Any]:
        """See :class:`Sink`."""
        return asdict(self._commit(is_needed=bool(self._pending)))

    def _commit(self, *, is_needed: bool) -> Seal:
        """Write the items since the last commit, if any, to disk."""
        assert self._file is not None
        if is_needed:
            piece = self._compress(bytes(self._pending))
            self._file.write(piece)
            self._hash.update(piece)
            self._pending.clear()
        sync(self._file)
        return Seal(self._file.tell(), self._hash.hexdigest(), self._items)

    def seal(self) -> Seal:
        """See :class:`FileSink`."""
        assert self._file is not None
        # A compressed file without items is not empty.
        return self._commit(is_needed=bool(self._pending) or not self._file.tell())

    def finish(self) -> None:
        """See :class:`Sink`."""
        assert self._file is not None
        check_same(os.fstat(self._file.fileno()), self._part)
        self.close()
        replace(self._part, self._path)
        self._is_ours = False

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

    def claim(self, is_known: bool, /) -> None:
        """See :class:`FileSink`."""
        check_part(self._part, stat.S_ISREG, is_known=is_known)
        self._is_ours = is_known

    def holds(self, seal: Seal) -> bool:
        """See :class:`FileSink`."""
        return seal.fits(self._path)

    def discard(self) -> None:
        """See :class:`FileSink`."""
        if self._is_ours:
            self._part.unlink(missing_ok=True)

    def existing(self) -> Iterator[tuple[str, bytes]]:
        """See :class:`FileSink`."""
        decoder = msgspec.json.Decoder(_Identified)
        for number, line in enumerate(self._lines(), start=1):
            try:
                yield decoder.decode(line).id, line.rstrip(b"\n")
            except (msgspec.DecodeError, UnicodeError) as error:
                raise DestinationError(
                    f"{self._path}, line {number}: {error}: changes can only be merged into "
                    "JSON objects with an id; harvest all anew, without since"
                ) from None

    def _lines(self) -> Iterator[bytes]:
        """Iterate over the lines of the existing file."""
        with self._open() as file:
            try:
                yield from file
            except self._failures as error:
                raise damaged(self._path, error) from None


class _Identified(msgspec.Struct):
    """An item of which only the id is decoded."""

    id: str


def checkpoint_of(path: Path) -> Path:
    """The path of the checkpoint of a destination, beside it."""
    return path.with_name(f"{path.name}.checkpoint")


def destination_of(checkpoint: Path) -> Path:
    """The path of the destination of a checkpoint."""
    return checkpoint.with_suffix("")


def check_part(part: Path, is_wanted: Callable[[int], bool], *, is_known: bool) -> None:
    """Check that a temporary file or folder is missing, or belongs to a harvest.

    Args:
        part: Its path.
        is_wanted: Whether a mode is that of a regular file, or that of a folder.
        is_known: Whether the checkpoint records that a harvest has temporary files there.

    Raises:
        DestinationError: It belongs to somebody else.
    """
    try:
        mode = part.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise foreign(part, "is a symbolic link")
    if not is_wanted(mode):
        raise foreign(part, "is not what a harvest writes there")
    if not is_known:
        raise foreign(part, "exists, but no checkpoint knows it")


def check_same(written: os.stat_result, part: Path) -> None:
    """Check that a temporary file still is the one that was written, before it is renamed.

    Raises:
        CheckpointError: Somebody has replaced or removed it.
    """
    try:
        is_same = os.path.samestat(written, part.lstat())
    except FileNotFoundError:
        is_same = False
    if not is_same:
        raise lost(part)


def damaged(path: Path, error: Exception) -> DestinationError:
    """The error for an existing file that cannot be read."""
    return DestinationError(f"{path} cannot be read ({one_line(str(error))}): harvest all anew")


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


def _codec(
    path: Path,
) -> tuple[Callable[[bytes], bytes], Callable[[], BinaryIO], tuple[type[Exception], ...]]:
    """How a file is compressed.

    Returns:
        A function that compresses lines, one that opens the file to read its lines, and the errors
        by which that tells of a damaged file.

    Raises:
        DestinationError: The package for the compression is not installed.
    """
    if path.suffix == ".gz":
        return (
            partial(gzip.compress, compresslevel=6, mtime=0),
            lambda: cast("BinaryIO", gzip.open(path)),
            (EOFError, gzip.BadGzipFile, zlib.error),
        )
    if path.suffix != ".zst":
        return bytes, lambda: path.open("rb"), ()
    try:
        import zstandard
    except ImportError:
        raise needs("zstandard", "zstd", path) from None

    def decompressed() -> BinaryIO:
        file = path.open("rb")
        frames = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return BufferedReader(cast("RawIOBase", frames))

    return zstandard.ZstdCompressor().compress, decompressed, (zstandard.ZstdError,)
