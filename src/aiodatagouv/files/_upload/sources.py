"""The sources of an upload: paths, bytes, binary files and iterators, read piece by piece."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

from ..._disk import is_special
from ...errors import IntegrityError

Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | AsyncIterable[bytes]
"""A path, the bytes, a binary file open for reading, or an async iterator of bytes.

A file is read from its current position to its end. A file that cannot be rewound, and an iterator,
are copied to a temporary file while they are sent, so that a failed attempt can be made again.
"""

_BATCH = 1 << 20
"""The bytes of an iterator that are collected before they are written to the temporary file."""


class Content(ABC):
    """The content of an upload: bytes that can be read at any offset, again and again.

    Attributes:
        name: The name of the file.
        size: The size in bytes, None while it is not known.
    """

    def __init__(self, name: str, size: int | None) -> None:
        self.name = name
        self.size = size

    @abstractmethod
    async def read(self, offset: int, buffer: memoryview) -> int:
        """Fill a buffer from an offset on; return how much of it, less than all only at the end.

        Raises:
            IntegrityError: The content ends before its size, or goes on after it.
        """

    async def has_more(self, offset: int) -> bool:
        """Whether there is a byte at an offset."""
        assert self.size is not None
        return offset < self.size

    def check(self) -> None:
        """Raise an ``IntegrityError`` if the content has changed since it was opened."""
        return  # Most cannot change.

    def close(self) -> None:
        """Release what was opened."""
        return  # By default nothing was.


class _Memory(Content):
    """Bytes."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(name, len(content))
        self._content = content

    async def read(self, offset: int, buffer: memoryview) -> int:
        piece = memoryview(self._content)[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)


class _Seekable(Content):
    """A binary file that can be rewound, read from its current position."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._start = file.tell()
        super().__init__(name, max(file.seek(0, io.SEEK_END) - self._start, 0))
        file.seek(self._start)

    async def read(self, offset: int, buffer: memoryview) -> int:
        assert self.size is not None
        read = await asyncio.to_thread(_fill, self._file, self._start + offset, buffer)
        if read != max(min(len(buffer), self.size - offset), 0):
            raise IntegrityError(self.name, "size", str(self.size), str(offset + read))
        return read


class PathContent(_Seekable):
    """The file at a path, which must stay as it is during the upload.

    Attributes:
        changed_at: When it was changed, in nanoseconds since the epoch.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        if is_special(path):  # A pipe without a writer would never be opened.
            raise ValueError(f"{path} is a pipe or a device: open it, and give the open file")
        file = path.open("rb", buffering=0)
        try:
            super().__init__(cast("BinaryIO", file), name)
            self._identity = _identity(os.fstat(file.fileno()))
        except BaseException:
            file.close()
            raise
        self.changed_at = self._identity[1]

    def check(self) -> None:
        """Raise an ``IntegrityError`` if the file was changed or replaced."""
        before, now = self._identity, _identity(self._path.stat())
        for what, expected, found in zip(
            ("size", "time of change", "file"), before, now, strict=True
        ):
            if expected != found:
                raise IntegrityError(self.name, what, str(expected), str(found))

    def is_at(self, path: str | Path) -> bool:
        """Whether a path is that of the file."""
        return Path(path).exists() and self._path.samefile(path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Spooled(Content):
    """A source that can be read only once, copied to a temporary file as far as it was read."""

    def __init__(self, name: str, size: int | None) -> None:
        super().__init__(name, size)
        with ExitStack() as opened:
            self._spool = opened.enter_context(tempfile.TemporaryFile(buffering=0))
            self._close = opened.pop_all().close
        self._spooled = 0
        self._has_ended = False

    async def read(self, offset: int, buffer: memoryview) -> int:
        await self._spool_until(offset + len(buffer))
        return await asyncio.to_thread(_fill, cast("BinaryIO", self._spool), offset, buffer)

    async def has_more(self, offset: int) -> bool:
        await self._spool_until(offset + 1)
        return offset < self._spooled

    def close(self) -> None:
        self._close()

    async def _spool_until(self, end: int) -> None:
        while self._spooled < end and not self._has_ended:
            piece = await self._next(end - self._spooled)
            if piece:
                await asyncio.to_thread(self._append, piece)
            self._has_ended = not piece
            too_long = self.size is not None and self._spooled > self.size
            if too_long or (self._has_ended and self.size not in (None, self._spooled)):
                raise IntegrityError(self.name, "size", str(self.size), str(self._spooled))
        # The size may be known before its end was reached.
        if self._spooled == self.size and not self._has_ended:
            await self._spool_until(self._spooled + 1)

    def _append(self, piece: bytes) -> None:
        self._spool.seek(0, io.SEEK_END)
        view = memoryview(piece)
        while view:
            view = view[self._spool.write(view) :]
        self._spooled += len(piece)

    @abstractmethod
    async def _next(self, wanted: int) -> bytes:
        """The next bytes, about as many as are wanted; none at the end."""


class _Pipe(_Spooled):
    """A binary file that cannot be rewound."""

    def __init__(self, file: BinaryIO, name: str, size: int | None) -> None:
        super().__init__(name, size)
        self._file = file

    async def _next(self, wanted: int) -> bytes:
        return await asyncio.to_thread(self._file.read, max(min(wanted, _BATCH), 1)) or b""


class _Iterator(_Spooled):
    """An async iterator of bytes."""

    def __init__(self, pieces: AsyncIterator[bytes], name: str, size: int | None) -> None:
        super().__init__(name, size)
        self._pieces = pieces

    async def _next(self, wanted: int) -> bytes:
        collected = bytearray()
        while len(collected) < min(wanted, _BATCH):
            piece = await anext(self._pieces, None)
            if piece is None:
                break
            collected += piece
        return bytes(collected)


def content_of(source: Source, name: str | None, size: int | None) -> Content:
    """Open a source. A path and a file with a name need none.

    Args:
        source: The source.
        name: The name of the file, None for its own.
        size: The size in bytes of a source that can be read only once, None if it is not known.

    Raises:
        OSError: The path cannot be read.
        ValueError: There is no name, the size is given and differs, or the path is that of a pipe.
        TypeError: The source is none.
    """
    found: Content
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        found = PathContent(path, name or path.name)
    elif isinstance(source, bytes):
        found = _Memory(source, _named(name))
    elif isinstance(source, AsyncIterable):
        return _Iterator(aiter(source), _named(name), size)
    elif callable(getattr(source, "read", None)):
        if isinstance(source, io.TextIOBase):
            raise TypeError("the file is opened as text: open it with 'rb'")
        own = getattr(source, "name", None)
        name = name or (Path(own).name if isinstance(own, str) else None)
        if not source.seekable():
            return _Pipe(source, _named(name), size)
        found = _Seekable(source, _named(name))
    else:
        raise TypeError(
            "source must be a path, bytes, a binary file or an async iterator of bytes, not "
            f"{type(source).__name__}"
        )
    if size not in (None, found.size):
        found.close()
        raise ValueError(f"size is {size:,}, but {found.name} has {found.size:,} bytes")
    return found


def _named(name: str | None) -> str:
    if not name:
        raise ValueError("give the name of the file, such as name='stops.csv'")
    return name


def _fill(file: BinaryIO, offset: int, buffer: memoryview) -> int:
    """Fill a buffer from an offset of a file on; return how much of it."""
    file.seek(offset)
    filled = 0
    while filled < len(buffer) and (read := _read_into(file, buffer[filled:])):
        filled += read
    return filled


def _read_into(file: BinaryIO, buffer: memoryview) -> int:
    read_into: Callable[[memoryview], int | None] | None = getattr(file, "readinto", None)
    if read_into is not None:
        return read_into(buffer) or 0
    piece = file.read(len(buffer)) or b""
    buffer[: len(piece)] = piece
    return len(piece)


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ino
