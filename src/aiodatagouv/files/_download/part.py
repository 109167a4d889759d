"""The temporary file of a download, and the journal beside it: a later call continues from them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from hashlib import sha256
from io import BufferedRandom
from pathlib import Path
from typing import Annotated, BinaryIO, Self, TypeAlias

import msgspec
from attrs import define, frozen
from filelock import FileLock

from ..._disk import created, part_of, reopened, replace, sync, written
from ..._ownership import foreign, locked, release
from ...errors import DestinationError
from .checksums import Checksum, Hash, new_hash

_CHUNK = 1 << 20
"""Bytes of an interrupted file that are read at once."""

_LONGEST = 240
"""Bytes of a name to which others are added; a name has at most 255."""

_VERSION = 1
"""The version of the journal's format."""

_UNKNOWN = "exists, but no journal of a download knows it"

_BEGIN = b'{"version":'
"""The begin of every journal."""


Header: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[\x20-\x7e]+\Z", max_length=999)]
"""A header that can be sent back to its host; a journal with another one was damaged."""


@frozen
class Source:
    """The version of a file that a temporary file is a part of.

    Attributes:
        address: A checksum of the address, which may have a signature in it.
        algorithm: The algorithm of the checksums.
        etag: The ``ETag`` of the answer.
        modified: Its ``Last-Modified``.
        validator: The one of them by which the rest of the same version can be asked for; None if
            the host does not tell versions apart.
        size: The size of the whole file; None if it is not known.
    """

    address: str
    algorithm: str
    etag: Header | None = None
    modified: Header | None = None
    validator: Header | None = None
    size: Annotated[int, msgspec.Meta(ge=0)] | None = None

    @classmethod
    def of(cls, address: str, algorithm: str) -> Self:
        """A version of which nothing is known so far."""
        return cls(sha256(address.encode(errors="surrogatepass")).hexdigest(), algorithm)


class _Head(msgspec.Struct):
    """The first line of a journal, in this order."""

    version: int
    source: Source


@define
class Part:
    """A file that is being received.

    The journal's first line is the version of the file, each further one a size and the checksum
    of the file up to there. What a kill or a power cut leaves is compared with these, and kept up
    to the last one that fits. A lock keeps other processes and tasks away.

    Attributes:
        path: The final path.
        size: The bytes that were received.
        source: The version that they are of.
    """

    path: Path
    source: Source
    _lock: FileLock
    _part: Path
    _journal: Path
    _is_known: bool
    _hash: Hash
    size: int = 0
    _file: BufferedRandom | None = None
    _records: BinaryIO | None = None
    _recorded: int = 0

    @classmethod
    def open(cls, path: Path, source: Source) -> Self:
        """Claim a destination.

        Raises:
            DestinationError: It is not a file, it is in use, or there are files of others at the
                places of the temporary files.
        """
        path = path.resolve()
        if path.exists() and not path.is_file():
            raise DestinationError(f"{path} is not a file: choose another destination")
        if not path.parent.is_dir():
            raise DestinationError(f"{path.parent} is not a folder: choose another destination")
        part, journal = _part_of(path), journal_of(path)
        lock = locked(
            part, DestinationError(f"{path} is in use: another download is under way there")
        )
        try:
            is_known = _is_ours(journal)
            _check(part, is_known=is_known)
        except BaseException:
            release(lock)
            raise
        return cls(path, source, lock, part, journal, is_known, new_hash(source.algorithm))

    @property
    def is_useful(self) -> bool:
        """Whether a later run can continue what is on disk."""
        return self.source.validator is not None and max(self.size, self._recorded) > 0

    @property
    def is_whole(self) -> bool:
        """Whether it has all bytes of a version whose size is known."""
        return self.source.validator is not None and self.size == self.source.size

    @property
    def checksum(self) -> Checksum:
        """The checksum of the bytes that were received."""
        return Checksum(self.source.algorithm, self._hash.hexdigest())

    def resume(self) -> Iterator[None]:
        """Keep what an interrupted run has received; each step is short enough for a thread."""
        if not self._is_known or not self._part.exists():
            return
        source, records = _read(self._journal)
        ours = (self.source.address, self.source.algorithm)
        if source is None or (source.address, source.algorithm) != ours or not source.validator:
            return
        # What is on disk stays there if this is cancelled.
        self.source, self._recorded = source, max((size for size, _ in records), default=0)
        self._file, at, sofar, kept = reopened(self._part), 0, self._hash.copy(), 0
        for size, digest in records:
            while at < size and (chunk := self._file.read(min(size - at, _CHUNK))):
                sofar.update(chunk)
                at += len(chunk)
                yield
            if at != size or sofar.hexdigest() != digest:
                break
            self._hash, kept = sofar.copy(), size
        self._keep(kept)
        self._restart()

    def begin(self, source: Source) -> None:
        """Receive a version from its first byte."""
        self.source, self._hash = source, new_hash(source.algorithm)
        self.size = self._recorded = 0
        if self._file is None and self._is_known:
            self._part.unlink(missing_ok=True)
        # First, so that the temporary file is known to be one.
        self._restart()
        if self._file is None:
            try:
                self._file = created(self._part, self.path)
            except FileExistsError:
                self._journal.unlink(missing_ok=True)
                raise foreign(self._part, _UNKNOWN) from None
        self._is_known = True
        self._keep(0)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Add bytes, and record them when it is time."""
        assert self._file is not None
        for piece in pieces:
            left = memoryview(piece)
            while left:  # Not buffered: if the disk is full, that shows here, and not again later.
                left = left[self._file.raw.write(left) :]
            self._hash.update(piece)
            self.size += len(piece)
        self.record()

    def record(self) -> None:
        """Record the bytes that were received, so that a later run keeps them."""
        if self._records is None or self.size <= self._recorded:
            return
        self._records.write(_line((self.size, self._hash.hexdigest())))
        self._records.flush()
        self._recorded = self.size

    def finish(self) -> None:
        """Flush the file to disk, and give it its final name.

        Raises:
            DestinationError: Somebody has replaced or removed it meanwhile.
        """
        assert self._file is not None
        sync(self._file)
        if not _is_same(self._file, self._part):
            raise DestinationError(f"{self._part} was replaced or removed during a download")
        self._close_files()
        replace(self._part, self.path)
        self._journal.unlink(missing_ok=True)
        self._is_known = False

    def discard(self) -> None:
        """Remove the temporary file and its journal."""
        self._close_files()
        if self._is_known:
            self._part.unlink(missing_ok=True)
            self._journal.unlink(missing_ok=True)
            self._is_known = False

    def close(self) -> None:
        """Close the files and release the lock."""
        try:
            self._close_files()
        finally:
            release(self._lock)

    def _keep(self, size: int) -> None:
        assert self._file is not None
        self._file.truncate(size)
        self._file.seek(size)
        self.size = self._recorded = size

    def _restart(self) -> None:
        """Write the journal anew."""
        if self._records is not None:
            self._records.close()
        lines = [_line(_Head(_VERSION, self.source))]
        if self.size:
            lines.append(_line((self.size, self._hash.hexdigest())))
        with written(self._journal) as file:
            file.writelines(lines)
        self._records = reopened(self._journal)
        self._records.seek(0, os.SEEK_END)

    def _close_files(self) -> None:
        for file in (self._file, self._records):
            if file is not None:
                file.close()
        self._file = self._records = None


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def journal_of(path: Path) -> Path:
    """The path of the journal of a download."""
    part = _part_of(path)
    return part.with_name(f"{part.name}.journal")


def _part_of(path: Path) -> Path:
    name = path.name
    if len(os.fsencode(name)) > _LONGEST:
        name = f"{name[:50]}.{sha256(name.encode(errors='replace')).hexdigest()[:16]}"
    return part_of(path.with_name(name))


def _read(journal: Path) -> tuple[Source | None, list[tuple[int, str]]]:
    """Read a journal up to the line that a kill has cut off, if any."""
    with reopened(journal) as file:
        head, *rest = file.read().split(b"\n")
    try:
        first = msgspec.json.decode(head, type=_Head)
        records = [msgspec.json.decode(line, type=tuple[int, str]) for line in rest[:-1]]
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None, []
    return (first.source, records) if first.version == _VERSION else (None, [])


def _is_ours(journal: Path) -> bool:
    """Whether there is a journal.

    Raises:
        DestinationError: There is something else.
    """
    try:
        mode = journal.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        raise foreign(journal, "is not a file")
    with reopened(journal) as file:
        begin = file.read(len(_BEGIN))
    if begin != _BEGIN:
        raise foreign(journal, "is not the journal of a download")
    return True


def _check(part: Path, *, is_known: bool) -> None:
    """Check that a temporary file is missing, or belongs to a download.

    Raises:
        DestinationError: It belongs to somebody else.
    """
    try:
        mode = part.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise foreign(part, "is not a file")
    if not is_known:
        raise foreign(part, _UNKNOWN)


def _is_same(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False
