"""The destinations of a harvest: the protocols that they follow, and JSON Lines."""

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
from attrs import asdict

from .._ownership import foreign
from ..errors import CheckpointError, DestinationError, one_line
from .place import Place
from .place import Seal as Seal
from .storage import Storage

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
"""The suffixes of the file formats that can be written."""


@runtime_checkable
class Sink(Protocol):
    """The protocol of a destination, open to users. Its methods are called one at a time."""

    @property
    def checkpoint(self) -> Path | Storage | None:
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
    def checkpoint(self) -> Path | Storage:
        """The place of the checkpoint: a file, or what keeps it elsewhere."""
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


class JsonLines:
    """A file with a JSON object in each line, compressed or not.

    Each commit is compressed separately, since gzip and Zstandard files may be concatenated: the
    file can be continued after any commit.

    Args:
        place: Where the file is.
        name: Its name, whose suffix tells how it is compressed.
    """

    def __init__(self, place: Place, name: Path | str) -> None:
        self._place = place
        self._name = name
        self._compress, self._decompress, self._failures = _codec(name)
        self._pending = bytearray()
        self._hash = hashlib.sha256()
        self._size = 0
        self._items = 0

    @property
    def checkpoint(self) -> Path | Storage:
        """See :class:`FileSink`."""
        return self._place.checkpoint

    def open(self, state: Any) -> None:
        """See :class:`Sink`; the state is the :class:`Seal` of the file so far, and its place's."""
        if state is None:
            self._place.create()
            return
        for chunk in self._place.reopen(state):
            self._hash.update(chunk)
        if self._hash.hexdigest() != state["sha256"]:
            raise lost(self._place.part)
        self._place.resume()
        self._size, self._items = state["size"], state["items"]

    def write(self, items: Sequence[bytes]) -> None:
        """See :class:`Sink`."""
        for item in items:
            self._pending += item
            self._pending += b"\n"
        self._items += len(items)

    def commit(self) -> dict[str, Any]:
        """See :class:`Sink`."""
        return self._commit(is_needed=bool(self._pending))

    def _commit(self, *, is_needed: bool) -> dict[str, Any]:
        """Write the items since the last commit, if any."""
        if is_needed:
            piece = self._compress(bytes(self._pending))
            self._place.add(piece)
            self._hash.update(piece)
            self._size += len(piece)
            self._pending.clear()
        return {**self._place.commit(), **asdict(self._seal())}

    def _seal(self) -> Seal:
        return Seal(self._size, self._hash.hexdigest(), self._items)

    def seal(self) -> Seal:
        """See :class:`FileSink`."""
        # A compressed file without items is not empty.
        self._commit(is_needed=bool(self._pending) or not self._size)
        return self._seal()

    def finish(self) -> None:
        """See :class:`Sink`."""
        self._place.finish(self._seal())

    def close(self) -> None:
        """See :class:`Sink`."""
        self._place.close()

    def rows(self, items: Iterable[bytes]) -> list[bytes]:
        """See :class:`FileSink`."""
        return [*items]

    def write_rows(self, rows: list[bytes]) -> None:
        """See :class:`FileSink`."""
        self.write(rows)

    def exists(self) -> bool:
        """See :class:`FileSink`."""
        return self._place.exists()

    def claim(self, is_known: bool, /) -> None:
        """See :class:`FileSink`."""
        self._place.claim(is_known)

    def holds(self, seal: Seal) -> bool:
        """See :class:`FileSink`."""
        return self._place.holds(seal)

    def discard(self) -> None:
        """See :class:`FileSink`."""
        self._place.discard()

    def existing(self) -> Iterator[tuple[str, bytes]]:
        """See :class:`FileSink`."""
        decoder = msgspec.json.Decoder(_Identified)
        for number, line in enumerate(self.lines(self._place.read()), start=1):
            try:
                yield decoder.decode(line).id, line.rstrip(b"\n")
            except (msgspec.DecodeError, UnicodeError) as error:
                raise DestinationError(
                    f"{self._name}, line {number}: {error}: changes can only be merged into "
                    "JSON objects with an id; harvest all anew, without since"
                ) from None

    def lines(self, file: BinaryIO) -> Iterator[bytes]:
        """Iterate over the lines of a compressed file, and close it.

        Raises:
            DestinationError: It is damaged.
        """
        with file, self._decompress(file) as lines:
            try:
                yield from lines
            except self._failures as error:
                raise damaged(self._name, error) from None


class _Identified(msgspec.Struct):
    """An item of which only the id is decoded."""

    id: str


def checkpoint_of(path: Path) -> Path:
    """The path of the checkpoint of a destination, beside it."""
    return path.with_name(f"{path.name}.checkpoint")


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


def damaged(path: Path | str, error: Exception) -> DestinationError:
    """The error for an existing file that cannot be read."""
    return DestinationError(f"{path} cannot be read ({one_line(str(error))}): harvest all anew")


def lost(part: Path | str) -> CheckpointError:
    """The error for temporary files that lack items which the checkpoint covers."""
    return CheckpointError(
        f"{part} lacks items that its checkpoint covers: harvest all anew, without resuming"
    )


def needs(package: str, extra: str, path: Path | str) -> DestinationError:
    """The error for a package that is not installed."""
    return DestinationError(
        f"{path} needs the package {package}: pip install 'aiodatagouv[{extra}]'"
    )


def _codec(
    name: Path | str,
) -> tuple[Callable[[bytes], bytes], Callable[[BinaryIO], BinaryIO], tuple[type[Exception], ...]]:
    """How a file is compressed.

    Returns:
        A function that compresses lines, one that reads them from a file, and the errors by which
        that tells of a damaged file.

    Raises:
        DestinationError: The package for the compression is not installed.
    """
    suffix = Path(name).suffix
    if suffix == ".gz":
        return (
            partial(gzip.compress, compresslevel=6, mtime=0),
            lambda file: cast("BinaryIO", gzip.open(file)),
            (EOFError, gzip.BadGzipFile, zlib.error),
        )
    if suffix != ".zst":
        return bytes, lambda file: file, ()
    try:
        import zstandard
    except ImportError:
        raise needs("zstandard", "zstd", name) from None

    def decompressed(file: BinaryIO) -> BinaryIO:
        frames = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return BufferedReader(cast("RawIOBase", frames))

    return zstandard.ZstdCompressor().compress, decompressed, (zstandard.ZstdError,)
