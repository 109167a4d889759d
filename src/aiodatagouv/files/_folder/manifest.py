"""The manifest of a folder: a record of each file, which survives any kill."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, Self, TypeAlias

import msgspec
from attrs import define, field, frozen
from filelock import FileLock

from ..._disk import reopened, sweep, sync, written
from ..._ownership import locked, release
from ...errors import CheckpointError, DestinationError
from .._download.checksums import ALGORITHMS, Checksum
from .._download.part import journal_of
from .names import candidates, key_of

SUFFIX = ".manifest.jsonl"
"""The end of the name of a manifest, which begins with that of its folder."""

State: TypeAlias = Literal["missing", "intact", "altered", "foreign"]
"""A path as it is now, compared with its record; ``foreign`` is something else than a file."""


@frozen(kw_only=True)
class Signs:
    """The properties by which a file's host and the portal tell one version from another.

    Attributes:
        url: The address.
        checksum: The checksum that the portal has.
        size: The size that the portal has, in bytes.
        modified: When it was last modified, as the portal says.
        crawled: When it was last modified, as the portal's crawler has found.
    """

    url: str = ""
    checksum: Checksum | None = None
    size: int | None = None
    modified: str | None = None
    crawled: str | None = None


@frozen(kw_only=True)
class Arriving:
    """A file that was fetched and is about to get its name.

    Attributes:
        checksum: Its checksum.
        portal: The properties that the portal has for it.
        etag: The ``ETag`` of its host.
        last_modified: The ``Last-Modified`` of its host.
    """

    checksum: Checksum
    portal: Signs
    etag: str | None = None
    last_modified: str | None = None


@frozen(kw_only=True)
class Record:
    """A file, as it was written.

    Attributes:
        path: Its path in the folder: a name, or the name of a folder, ``/`` and a name.
        resource: The id of its resource.
        dataset: The id of its dataset, if it is known.
        source: The source that it was first listed by.
        portal: The properties that the portal had for it.
        size: Its size in bytes; None if it was never written.
        mtime: The time of its modification, in nanoseconds, as the file system has it.
        checksum: Its checksum.
        etag: The ``ETag`` of its host.
        last_modified: The ``Last-Modified`` of its host.
        at: When it was fetched; None if it was not, so that only its name is taken.
        pending: Whether a download has begun that may have left temporary files.
        arriving: The file that may have got its name since; None if there is none.
        found: Whether it was there before it was synchronized, so that it is not ours to delete.
    """

    path: str
    resource: str
    dataset: str | None = None
    source: str = ""
    portal: Signs = Signs()
    size: int | None = None
    mtime: int | None = None
    checksum: Checksum | None = None
    etag: str | None = None
    last_modified: str | None = None
    at: str | None = None
    pending: bool = False
    arriving: Arriving | None = None
    found: bool = False

    def state(self, folder: Path) -> State:
        """Compare the file with this record."""
        path = folder / self.path
        if path.parent != folder and path.parent.is_symlink():
            return "foreign"
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return "missing"
        if not stat.S_ISREG(found.st_mode):
            return "foreign"
        is_same = (found.st_size, found.st_mtime_ns) == (self.size, self.mtime)
        return "intact" if is_same else "altered"


@frozen
class _Gone:
    """A line that takes a record back."""

    gone: str


@define
class Manifest:
    """The records of the files in a folder, in a file beside it: one JSON object a line.

    A line is appended before a download begins, and after it has ended; the last one of a resource
    counts. A line that a kill has cut off does not count. A lock file keeps
    other processes and tasks away from the folder.

    Attributes:
        folder: The folder.
        records: The records, by the ids of the resources.
        error: The error by which the manifest cannot be written any more.
    """

    folder: Path
    records: dict[str, Record]
    _path: Path
    _lock: FileLock
    _file: BinaryIO
    _lines: int
    _folders: dict[str, str]
    _taken: set[str]
    _made: tuple[Path, ...]
    error: OSError | None = None
    _is_behind: bool = False
    _buffer: bytearray = field(factory=bytearray)
    _thread: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(max_workers=1))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the manifest of a folder, and make both if there are none.

        Raises:
            CheckpointError: The manifest is damaged, or is in use.
            DestinationError: The folder is a file, or the manifest something else than a file.
        """
        folder = Path(os.path.normpath(folder.absolute()))  # A link keeps its own name.
        if not folder.name:
            raise DestinationError(f"{folder} has no name, which its manifest needs")
        if folder.exists() and not folder.is_dir():
            raise DestinationError(f"{folder} is not a folder")
        made = tuple(one for one in (folder, *folder.parents) if not one.exists())
        folder.mkdir(parents=True, exist_ok=True)
        path = folder.with_name(folder.name + SUFFIX)
        lock = locked(path, CheckpointError(f"{path} is in use: another run writes to its folder"))
        try:
            records, lines = _read(path)
            sweep(path.parent, [path.name])
            for place, names in _begun(records.values(), folder).items():
                sweep(place, names)
            if not path.exists():
                with written(path):
                    pass
            file = reopened(path)
            file.seek(0, os.SEEK_END)
        except BaseException:
            release(lock)
            raise
        folders = {
            record.dataset: record.path.partition("/")[0]
            for record in records.values()
            if record.dataset is not None and "/" in record.path
        }
        taken = {key_of(one) for one in folders.values()}
        taken |= {key_of(record.path) for record in records.values()}
        return cls(folder, records, path, lock, file, lines, folders, taken, made)

    def claim(self, path: str) -> bool:
        """Take a path for a resource; False if another has it already, or one that equals it."""
        key = key_of(path)
        if key in self._taken:
            return False
        self._taken.add(key)
        return True

    def folder_for(self, dataset: str, name: str) -> str:
        """The folder of one of several datasets: that of its files, or one that is free."""
        known = self._folders.get(dataset)
        if known is None:
            options = candidates(name, dataset)
            known = next(one for one in options if self._is_free(one) and self.claim(one))
            self._folders[dataset] = known
        return known

    def _is_free(self, folder: str) -> bool:
        path = self.folder / folder
        return not os.path.lexists(path) or (path.is_dir() and not path.is_symlink())

    async def put(self, record: Record, *, is_urgent: bool = True) -> None:
        """Add a record, or replace that of the same resource.

        Args:
            record: The record.
            is_urgent: Whether it must survive a power cut, and not only a kill.
        """
        line = _line(record)
        self.records[record.resource] = record
        await self._append(line, is_urgent=is_urgent)

    async def drop(self, record: Record) -> None:
        """Take a record back."""
        del self.records[record.resource]
        self._taken.discard(key_of(record.path))
        await self._append(_line(_Gone(record.resource)), is_urgent=False)

    def close(self, *, undo: bool = False) -> None:
        """Close the manifest, with one line for each file, and release its lock.

        Args:
            undo: Whether to remove the folder again if it was made for this and nothing is in it.
        """
        undo = undo and bool(self._made) and not self._lines
        try:
            self._thread.shutdown()
            if self.error is not None:
                # It was raised already; nothing may follow a line that may be cut off.
                with suppress(OSError):
                    self._file.close()
                return
            with self._file:
                self._write(is_urgent=True)
            if undo:
                self._path.unlink()
            elif self._lines > len(self.records):
                with written(self._path) as file:
                    for record in self.records.values():
                        file.write(_line(record))
        finally:
            release(self._lock)
        for folder in self._made if undo else ():
            if any(folder.iterdir()):
                break
            folder.rmdir()

    async def _append(self, line: bytes, *, is_urgent: bool) -> None:
        self._buffer += line
        self._lines += 1
        # Lines that are added while others are written are written together.
        work = partial(self._write, is_urgent=is_urgent)
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _write(self, *, is_urgent: bool) -> None:
        if self.error is not None:
            raise self.error
        lines = bytes(self._buffer)
        del self._buffer[: len(lines)]
        try:
            self._file.write(lines)
            self._file.flush()
            self._is_behind = self._is_behind or bool(lines)
            if is_urgent and self._is_behind:
                sync(self._file)
                self._is_behind = False
        except OSError as error:
            self.error = error
            raise


def is_inside(path: str) -> bool:
    """Whether a path of a record leads to a file in the folder, or in a folder there."""
    parts = path.split("/")
    return len(parts) <= 2 and all(
        part not in ("", ".", "..")
        and part.isprintable()
        and not set(part) & set('\\:*?"<>|')
        and PurePosixPath(part).name == part
        for part in parts
    )


def _begun(records: Iterable[Record], folder: Path) -> dict[Path, list[str]]:
    """The names of the journals of downloads that were interrupted, by their folders."""
    found = defaultdict[Path, list[str]](list)
    for record in records:
        path = folder / record.path
        if record.pending and path.parent.is_dir() and not path.parent.is_symlink():
            found[path.parent].append(journal_of(path).name)
    return found


def _line(record: Record | _Gone) -> bytes:
    return msgspec.json.encode(record, order="sorted") + b"\n"


def _read(path: Path) -> tuple[dict[str, Record], int]:
    """Read a manifest, and cut off a line that is not whole.

    Returns:
        Its records, and the number of its lines.

    Raises:
        CheckpointError: It is damaged, or leads out of the folder.
        DestinationError: It is not a file, or a link to one.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise DestinationError(f"{path} is not a file: move it away, if nobody needs it")
    except FileNotFoundError:
        return {}, 0
    records: dict[str, Record] = {}
    number = whole = 0
    with reopened(path) as file:
        for line in file:
            if not line.endswith(b"\n"):
                file.truncate(whole)
                break
            number, whole = number + 1, whole + len(line)
            try:
                _apply(line, records)
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                raise CheckpointError(
                    f"{path} is damaged, or is not the manifest of a folder (line {number}: "
                    f"{error}): move it away, and give an empty folder"
                ) from None
    return records, number


def _apply(line: bytes, records: dict[str, Record]) -> None:
    if line.startswith(b'{"gone":'):
        records.pop(_GONE.decode(line).gone, None)
        return
    record = _RECORD.decode(line)
    if not is_inside(record.path):
        raise ValueError(f"the path {record.path!r} leads out of the folder")
    for one in (record, record.arriving):
        if one is not None:
            _check(one)
    records[record.resource] = record


def _check(one: Record | Arriving) -> None:
    """Check that a record is one that could have been written.

    Raises:
        ValueError: It is not: its host could never be asked, or the file never be compared.
    """
    for text in (one.etag, one.last_modified):
        if text is not None and not (text.isascii() and text.isprintable()):
            raise ValueError(f"{text!r} cannot be a header")
    if one.checksum is not None and one.checksum.type not in ALGORITHMS:
        raise ValueError(f"{one.checksum.type!r} is no checksum")


_RECORD: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_GONE: msgspec.json.Decoder[_Gone] = msgspec.json.Decoder(_Gone)
