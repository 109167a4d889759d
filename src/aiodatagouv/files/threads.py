"""Work in threads that ends before its caller does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

_AHEAD = 4 << 20
"""Bytes that wait for the disk; then the host waits too."""

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Do some work in a thread; a caller that is cancelled meanwhile still waits for its end."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    cancelled: BaseException | None = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as again:
            cancelled = again
    if cancelled is not None:
        running.exception()  # Has been looked at.
        raise cancelled
    return running.result()


class Writing:
    """Hands bytes to a function in a thread: at once while it is idle, else together.

    When the context is left, whatever was received has been written.
    """

    def __init__(self, write: Callable[[Sequence[bytes]], None]) -> None:
        self._write = write
        self._pieces: list[bytes] = []
        self._size = 0
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._running is not None or self._pieces:
            await self._settle()
            self._start()

    async def put(self, piece: bytes) -> None:
        """Write some bytes soon."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._running is not None and (self._running.done() or self._size >= _AHEAD):
            await self._settle()
        if self._running is None:
            self._start()

    def _start(self) -> None:
        if self._pieces:
            pieces, self._pieces, self._size = self._pieces, [], 0
            self._running = asyncio.create_task(in_thread(lambda: self._write(pieces)))

    async def _settle(self) -> None:
        """Wait for the write under way, and raise its error."""
        running, self._running = self._running, None
        try:
            if running is not None:
                await running
        except Exception:
            self._pieces.clear()  # They would leave a gap.
            raise
