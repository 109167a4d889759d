"""Where a harvest goes: what every destination does, and files of JSON Lines."""

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
"""The names of the formats that files are written in."""


@runtime_checkable
class Sink(Protocol):
    """A destination of one's own. Its methods are called one after the other, in one thread."""

    @property
    def checkpoint(self) -> Path | None:
        """The file that says how far the harvest is; None if it cannot be continued."""

    def open(self, state: Any) -> None:
        """Begin: from nothing when the state is None, else after what it covers.

        What was written after that must be forgotten.

        Raises:
            CheckpointError: What the state covers is not there.
        """

    def write(self, items: Sequence[bytes]) -> None:
        """Take some items, each of them a JSON object without a line break."""

    def commit(self) -> Any:
        """Return once everything is on disk, with the state to continue after it, as JSON."""

    def finish(self) -> None:
        """All is there: give it its name.

        A run that ends in between is continued by :meth:`open` and this, unless :meth:`open` says
        that nothing is there any more.
        """

    def close(self) -> None:
        """End, finished or not: what comes last of all."""


@runtime_checkable
class FileSink(Sink, Protocol):
    """A destination that a harvest of what has changed can be merged into. A row is any object."""

    def rows(self, items: Iterable[bytes]) -> list[Any]:
        """What is written for some items."""
        ...

    @property
    def checkpoint(self) -> Path:
        """The file that says how far the harvest is."""
        ...

    def exists(self) -> bool:
        """Whether there is a file already."""
        ...

    def discard(self) -> None:
        """Remove what a harvest may have left that was finished."""

    def previous(self) -> Iterator[tuple[str, Any]]:
        """The rows of the file that is there, each with the id of its item."""
        ...

    def write_rows(self, rows: list[Any]) -> None:
        """Write what :meth:`rows` or :meth:`previous` have given."""


class JsonLines:
    """A file with a JSON object in each line, packed or not.

    What is packed consists of a piece for each commit, one after the other, as gzip and Zstandard
    allow: the file can be cut after any of them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = part_of(path)
        self._pack, self._open = _codec(path)
        self._file: BinaryIO | None = None
        self._pending = bytearray()

    @property
    def checkpoint(self) -> Path:
        """The file that says how far the harvest is."""
        return checkpoint_of(self._path)

    def open(self, state: Any) -> None:
        """See :class:`Sink`; the state is the length of the file."""
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
            self._file.write(self._pack(bytes(self._pending)))
            self._pending.clear()
        sync(self._file)
        return self._file.tell()

    def finish(self) -> None:
        """See :class:`Sink`."""
        assert self._file is not None
        if not self._file.tell():  # Nothing, packed, is not nothing.
            self._file.write(self._pack(b""))
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

    def previous(self) -> Iterator[tuple[str, bytes]]:
        """See :class:`FileSink`."""
        decoder = msgspec.json.Decoder(_Keyed)
        with self._open() as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield decoder.decode(line).id, line.rstrip(b"\n")
                except msgspec.DecodeError as error:
                    raise DestinationError(
                        f"{self._path}, line {number}: {error}: what has changed can only be "
                        "merged into objects with an id"
                    ) from None


class _Keyed(msgspec.Struct):
    id: str


def checkpoint_of(path: Path) -> Path:
    """The file beside a destination that says how far the harvest is."""
    return path.with_name(f"{path.name}.checkpoint")


def lost(part: Path) -> CheckpointError:
    """The error for a harvest of which something is gone."""
    return CheckpointError(
        f"{part} has less than the checkpoint beside it says: begin anew, without resuming"
    )


def needs(package: str, extra: str, path: Path) -> DestinationError:
    """The error for a package that is missing."""
    return DestinationError(
        f"{path} needs the package {package}: pip install 'aiodatagouv[{extra}]'"
    )


def _codec(path: Path) -> tuple[Callable[[bytes], bytes], Callable[[], BinaryIO]]:
    """How lines are packed, and how the file is opened to read them."""
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

    def unpacked() -> BinaryIO:
        file = path.open("rb")
        frames = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return BufferedReader(cast("RawIOBase", frames))

    return zstandard.ZstdCompressor().compress, unpacked
