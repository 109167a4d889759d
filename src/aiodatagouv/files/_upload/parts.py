"""The pieces of a file: read in order, hashed, and sent concurrently in bounded memory."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable
from typing import BinaryIO, cast

from attrs import define, field, frozen

from ...errors import APIError, DataGouvError
from ...models.file_upload import FileUpload
from ...types import File, OnProgress, Progress
from .places import Uploaded
from .retries import Retries, is_unknown
from .sources import Content

Post = Callable[[FileUpload], Awaitable[Uploaded]]
"""Sends the body of an upload."""


@frozen
class Sent:
    """A file of which everything but the last request was sent.

    Attributes:
        size: Its size in bytes.
        sha1: Its checksum.
        parts: The number of its parts; 1 if the last request is to send it as a whole.
        body: The body of that request.
    """

    size: int
    sha1: str
    parts: int
    body: FileUpload = field(repr=False)


class PartError(Exception):
    """The portal refused a part that was sent for the first time: another uuid may do.

    Attributes:
        error: The error of the call.
    """

    def __init__(self, error: DataGouvError) -> None:
        super().__init__(str(error))
        self.error = error


@define
class Meter:
    """Tells the progress of an upload, which never goes back.

    Attributes:
        failure: The exception by which the caller's function has ended the upload.
    """

    name: str
    total: int | None
    on_progress: OnProgress | None
    failure: Exception | None = field(default=None, init=False)
    _told: Progress | None = None
    _confirmed: int = 0
    _under_way: dict[int, int] = field(factory=dict[int, int])

    def restart(self) -> None:
        """Begin another attempt."""
        self._confirmed = 0
        self._under_way.clear()
        self._tell()

    def end_at(self, size: int) -> None:
        """Note the size of the file, which may not have been known before."""
        self.total = size
        self._tell()

    def send(self, index: int, size: int) -> None:
        """Note how much of a piece was sent."""
        self._under_way[index] = size
        self._tell()

    def confirm(self, index: int, size: int) -> None:
        """Note that a piece has arrived."""
        self._under_way.pop(index, None)
        self._confirmed += size
        self._tell()

    def _tell(self) -> None:
        done = self._confirmed + sum(self._under_way.values())
        if self._told is not None:
            done = max(done, self._told.done)
        now = Progress(done, self.total, self.name)
        if self.failure is not None:  # A request is repeated that it has broken off.
            raise self.failure
        if self.on_progress is not None and now != self._told:
            self._told = now
            try:
                self.on_progress(now)
            except Exception as error:
                self.failure = error
                raise


class _Piece(io.RawIOBase):
    """A piece of a file, which is sent from its buffer and tells how far it was read."""

    def __init__(self, content: memoryview, on_read: Callable[[int], object]) -> None:
        self._content = content
        self._position = 0
        self._on_read = on_read

    def read(self, size: int = -1, /) -> bytes:
        end = len(self._content) if size < 0 else self._position + size
        piece = bytes(self._content[self._position : end])
        self._position += len(piece)
        self._on_read(self._position)
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._content)}
        self._position = start[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


@define
class Sender:
    """Sends the pieces of a file.

    Attributes:
        content: The file.
        chunk_size: The bytes of a piece.
        concurrency: How many parts are sent at once.
        on_post: Sends the body of an upload.
        retries: Makes the retries with one part.
        meter: Tells the progress.
    """

    content: Content
    chunk_size: int
    concurrency: int
    on_post: Post
    retries: Callable[[], Retries]
    meter: Meter

    async def send(
        self, uuid: str, confirmed: set[int], on_confirmed: Callable[[int], Awaitable[object]]
    ) -> Sent:
        """Send all parts that are not there yet; a file of one piece is only read.

        Args:
            uuid: The name of the upload.
            confirmed: The parts that were sent before.
            on_confirmed: Called after each part.

        Raises:
            PartError: The portal refused a part.
            IntegrityError: The file has changed.
            DataGouvError: A call failed.
        """
        self.meter.restart()
        digest = hashlib.sha1(usedforsecurity=False)
        first = await self._read(0, self._buffer())
        if not await self.content.has_more(len(first)):
            await asyncio.to_thread(digest.update, first)
            size, parts = len(first), 1
            self.meter.end_at(size)
            body = FileUpload(file=self._file(0, first))
        else:
            size, parts = await self._send_parts(uuid, first, digest, confirmed, on_confirmed)
            body = FileUpload(uuid=uuid, filename=self.content.name, totalparts=parts)
        self.content.check()
        return Sent(size, digest.hexdigest(), parts, body)

    async def post(self, body: FileUpload) -> Uploaded:
        """Send the body of an upload.

        Raises:
            DataGouvError: The call failed; what the progress has raised is raised as it is.
        """
        try:
            return await self.on_post(body)
        except DataGouvError:
            if self.meter.failure is not None:
                raise self.meter.failure from None
            raise

    async def _send_parts(
        self,
        uuid: str,
        first: memoryview,
        digest: hashlib._Hash,
        confirmed: set[int],
        on_confirmed: Callable[[int], Awaitable[object]],
    ) -> tuple[int, int]:
        """Send the parts, of which the first one was read; return the size and their number."""
        # A part is sent from its buffer, which a later one gets afterwards.
        buffers = asyncio.Queue[memoryview]()
        for _ in range(self.concurrency - 1):
            buffers.put_nowait(self._buffer())

        async def hash_next(piece: memoryview, before: asyncio.Task[None] | None) -> None:
            if before is not None:
                await before
            await asyncio.to_thread(digest.update, piece)

        async def use(
            index: int, piece: memoryview, hashed: asyncio.Task[None], *, is_last: bool
        ) -> None:
            if index not in confirmed:
                await self._send(uuid, index, piece, is_last=is_last)
                await on_confirmed(index)
            self.meter.confirm(index, len(piece))
            await hashed
            buffers.put_nowait(piece)

        offset, index, piece, hashed = 0, 0, first, None
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    offset += len(piece)
                    is_last = not await self.content.has_more(offset)
                    if is_last:
                        self.meter.end_at(offset)
                    hashed = group.create_task(hash_next(piece, hashed))
                    group.create_task(use(index, piece, hashed, is_last=is_last))
                    index += 1
                    if is_last:
                        break
                    piece = await self._read(offset, await buffers.get())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return offset, index

    def _buffer(self) -> memoryview:
        size = self.content.size
        return memoryview(
            bytearray(self.chunk_size if size is None else min(size, self.chunk_size))
        )

    async def _read(self, offset: int, buffer: memoryview) -> memoryview:
        return buffer[: await self.content.read(offset, buffer)]

    async def _send(self, uuid: str, index: int, piece: memoryview, *, is_last: bool) -> None:
        size = self.content.size
        # Of an unknown size only the last part knows the number; the portal reads it from the end.
        total = index + 2 - is_last if size is None else -(-size // self.chunk_size)
        body = FileUpload(
            file=self._file(index, piece),
            uuid=uuid,
            filename=self.content.name,
            partindex=index,
            totalparts=total,
            chunksize=len(piece),
        )
        retries = self.retries()
        while True:
            try:
                await self.post(body)
                return
            except DataGouvError as error:
                if isinstance(error, APIError) and error.status == 500:
                    if retries.failures:
                        return  # It is there: a part is refused the second time.
                    raise PartError(error) from error
                if not is_unknown(error) or not await retries.pause(error):
                    raise

    def _file(self, index: int, piece: memoryview) -> File:
        one = _Piece(piece, lambda done: self.meter.send(index, done))
        return File(cast("BinaryIO", one), self.content.name)
