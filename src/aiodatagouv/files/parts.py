"""The pieces of a file: read in order, hashed, and sent concurrently in bounded memory."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable
from typing import cast

from attrs import define, field, frozen

from ..errors import APIError, DataGouvError
from ..models.file_upload import FileUpload
from ..types import File, OnProgress, Progress
from .patience import Patience, is_unknown
from .sources import Content

Post = Callable[[FileUpload], Awaitable[object]]
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
    """Tells the progress of an upload, which never goes back."""

    name: str
    total: int | None
    on_progress: OnProgress | None
    _done: int = -1
    _confirmed: int = 0
    _under_way: dict[int, int] = field(factory=dict[int, int])

    def restart(self) -> None:
        """Begin another attempt."""
        self._confirmed = 0
        self._under_way.clear()
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
        if self.on_progress is not None and done > self._done:
            self._done = done
            self.on_progress(Progress(done, self.total, self.name))


class _Piece(io.BytesIO):
    """A piece of a file that tells how far it was read."""

    def __init__(self, content: bytes, on_read: Callable[[int], object]) -> None:
        super().__init__(content)
        self._on_read = on_read

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self._on_read(self.tell())
        return piece


@define
class Sender:
    """Sends the pieces of a file.

    Attributes:
        content: The file.
        chunk_size: The bytes of a piece.
        concurrency: How many parts are sent at once.
        post: Sends the body of an upload.
        patience: Makes the patience with one part.
        meter: Tells the progress.
    """

    content: Content
    chunk_size: int
    concurrency: int
    post: Post
    patience: Callable[[], Patience]
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
        sha1 = hashlib.sha1(usedforsecurity=False)
        first = await self.content.read(0, self.chunk_size)
        await asyncio.to_thread(sha1.update, first)
        if not await self.content.has_more(len(first)):
            self.content.check()
            self.meter.total = len(first)
            whole = self._file(0, first)
            return Sent(len(first), sha1.hexdigest(), 1, FileUpload(file=whole))
        offset, index, free = 0, 0, asyncio.Semaphore(self.concurrency)
        piece, first = first, b""

        async def send(index: int, piece: bytes, is_last: bool) -> None:
            size = len(piece)
            try:
                await self._send(uuid, index, piece, is_last=is_last)
            finally:
                piece = b""  # Before the next one is read.
                free.release()
            await on_confirmed(index)
            self.meter.confirm(index, size)

        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await free.acquire()
                    if index:
                        piece = await self.content.read(offset, self.chunk_size)
                        await asyncio.to_thread(sha1.update, piece)
                    offset += len(piece)
                    is_last = not await self.content.has_more(offset)
                    if index in confirmed:
                        free.release()
                        self.meter.confirm(index, len(piece))
                    else:
                        group.create_task(send(index, piece, is_last))
                    piece = b""  # The task alone keeps it.
                    index += 1
                    if is_last:
                        break
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        self.content.check()
        self.meter.total = offset
        body = FileUpload(uuid=uuid, filename=self.content.name, totalparts=index)
        return Sent(offset, sha1.hexdigest(), index, body)

    async def _send(self, uuid: str, index: int, piece: bytes, *, is_last: bool) -> None:
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
        patience = self.patience()
        while True:
            try:
                await self.post(body)
                return
            except DataGouvError as error:
                if isinstance(error, APIError) and error.status == 500:
                    if patience.failures:
                        return  # It is there: a part is refused the second time.
                    raise PartError(error) from error
                if not is_unknown(error) or not await patience.pause(error):
                    raise

    def _file(self, index: int, piece: bytes) -> File:
        one = _Piece(piece, lambda done: self.meter.send(index, done))
        return File(cast("io.BufferedReader", one), self.content.name)
