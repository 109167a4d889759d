"""Work in threads that ends before its caller does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

_TOGETHER = 4 << 20
"""Bytes that are written together, if they arrive fast."""

_SOON = 0.005
"""Seconds after which others are: a kill loses no more."""

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
    """Hands bytes to a function in a thread, many at once, while the next ones are received.

    When the context is left, whatever was handed over has been written.
    """

    def __init__(self, write: Callable[[Sequence[bytes]], None]) -> None:
        self._write = write
        self._pieces: list[bytes] = []
        self._size = 0
        self._running: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._settle()
        self._start()
        await self._settle()

    async def put(self, piece: bytes) -> None:
        """Write some bytes together with the next ones, or soon."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size >= _TOGETHER:
            await self._settle()
            self._start()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SOON, self._due)

    def _due(self) -> None:
        """Begin to write what there is, once the write under way has ended."""
        self._timer = None
        if self._running is None or (self._running.done() and not self._running.exception()):
            self._start()
        elif not self._running.done():
            self._timer = asyncio.get_running_loop().call_later(_SOON, self._due)

    def _start(self) -> None:
        """Begin to write what there is; nothing is being written."""
        if self._pieces:
            pieces, self._pieces, self._size = self._pieces, [], 0
            self._running = asyncio.create_task(in_thread(partial(self._write, pieces)))

    async def _settle(self) -> None:
        """Wait for the write under way, and raise its error."""
        if self._timer is not None:  # Else it would begin another one meanwhile.
            self._timer.cancel()
            self._timer = None
        try:
            if self._running is not None:
                await self._running
        except Exception:
            self._pieces.clear()  # They would leave a gap.
            raise
        finally:
            self._running = None
