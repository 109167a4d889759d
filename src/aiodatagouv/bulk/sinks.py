"""The destinations of a harvest: the protocols that they follow, and JSON Lines files."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

import msgspec
from attrs import asdict, frozen

from .._disk import created, part_of, reopened, replace, sync, sync_folder
from .._ownership import foreign
from ..errors import CheckpointError, DestinationError, one_line
from .compression import Compressor, codec_of
from .fingerprint import fingerprint

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


@frozen
class Seal:
    """The identity of a file or folder that a harvest has written, up to a commit or to its end.

    Attributes:
        size: Its size in bytes.
        sha256: Its SHA-256 checksum; that of a folder covers the names, sizes and checksums of all
            files in it.
        items: The number of rows in it.
    """

    size: int
    sha256: str
    items: int

    def fits(self, path: Path) -> bool:
        """Whether a file or folder has exactly these bytes."""
        if path.is_file() and path.stat().st_size != self.size:
            return False
        return path.exists() and fingerprint(path) == (self.size, self.sha256)


@runtime_checkable
class FileSink(Sink, Protocol):
    """The protocol of a file that can be updated.

    A row is an item in the format of the file or, in a flat table, an object of its list.
    """

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
        """Iterate over the rows of the existing file, each with the id of its item.

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

    def __init__(self, path: Path, key: str = "id") -> None:
        self.checkpoint = checkpoint_of(path)
        self._path = path
        self._key = key
        self._part = part_of(aside(path))
        self._codec = codec_of(path)
        self._piece: Compressor | None = None
        self._file: BinaryIO | None = None
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
        if not items:
            return
        if self._piece is None:
            self._piece = self._codec.compressor()
        self._add(self._piece.compress(b"\n".join([*items, b""])))
        self._items += len(items)

    def commit(self) -> dict[str, Any]:
        """See :class:`Sink`."""
        return asdict(self._commit())

    def _commit(self) -> Seal:
        """Complete the compressed piece, if there is one, and flush all to disk."""
        assert self._file is not None
        if self._piece is not None:
            self._add(self._piece.flush())
            self._piece = None
        sync(self._file)
        return Seal(self._file.tell(), self._hash.hexdigest(), self._items)

    def _add(self, content: bytes) -> None:
        assert self._file is not None
        self._file.write(content)
        self._hash.update(content)

    def seal(self) -> Seal:
        """See :class:`FileSink`."""
        assert self._file is not None
        if self._piece is None and not self._file.tell():
            self._piece = self._codec.compressor()  # A compressed file without items is not empty.
        return self._commit()

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
        id_field = ("id", str, msgspec.field(name=self._key))
        row: Any = msgspec.defstruct("Row", [id_field])
        decoder = msgspec.json.Decoder(row)
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
        with self._codec.open() as file:
            try:
                yield from file
            except self._codec.failures as error:
                raise damaged(self._path, error) from None


CHECKPOINTS = "_checkpoints"
"""The subfolder for checkpoints and temporary files, if there is one beside a destination.

Programs that read a folder as one table ignore names that begin with an underscore.
"""


def aside(path: Path) -> Path:
    """The path beside which a destination has its checkpoint and temporary files."""
    folder = path.parent / CHECKPOINTS
    return folder / path.name if folder.is_dir() else path


def checkpoint_of(path: Path) -> Path:
    """The path of the checkpoint of a destination."""
    return aside(path).with_name(f"{path.name}.checkpoint")


def destination_of(checkpoint: Path) -> Path:
    """The path of the destination of a checkpoint."""
    folder = checkpoint.parent
    return (folder.parent if folder.name == CHECKPOINTS else folder) / checkpoint.stem


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
