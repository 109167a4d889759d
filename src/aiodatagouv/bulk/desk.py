"""The one thread in which a destination is written, so that the calls go on meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from attrs import define, field

from .checkpoint import Entry, Journal
from .report import Tally
from .sinks import FileSink, Sink

COMMIT = 10
"""Pages after which what has come is secured. Its multiples are also where packed pieces end."""

T = TypeVar("T")


@define
class Desk:
    """Writes a destination, and its checkpoint after that.

    Attributes:
        sink: The destination.
        journal: Its checkpoint, if it has one.
        tally: What the harvest has come to.
        page: The last page of the list that was written.
        stopping: Whether what is just written is to be given up.
    """

    sink: Sink
    journal: Journal | None
    tally: Tally
    page: int = 0
    stopping: threading.Event = field(factory=threading.Event)
    _ids: list[str] = field(factory=list[str])
    _pages: int = 0
    _is_secured: bool = False
    _thread: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(max_workers=1))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stopping.set()
        try:
            await self._close(error)
        finally:
            self._thread.shutdown()
            if self.journal is not None:
                self.journal.close(is_empty=error is not None and not self._is_secured)

    async def _close(self, error: BaseException | None) -> None:
        """Close the destination after what is just written, however often that is cancelled."""

        def close() -> None:
            self.sink.close()
            # What was just written may have been secured by now.
            if error is not None and not self._is_secured and isinstance(self.sink, FileSink):
                self.sink.discard()

        closing = asyncio.ensure_future(self.do(close))
        cancelled: BaseException | None = None
        while not closing.done():
            try:
                await asyncio.wait([closing])
            except asyncio.CancelledError as again:
                cancelled = again
        if error is None:
            closing.result()
        elif (failed := closing.exception()) is not None:
            error.add_note(f"closing the destination failed as well: {failed}")
        if cancelled is not None:
            raise cancelled

    async def do(self, work: Callable[[], T]) -> T:
        """Do something there."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def restore(self, page: int) -> None:
        """Know what an earlier run has secured."""
        self.page, self._is_secured = page, True

    async def write(self, lines: list[bytes], ids: list[str]) -> None:
        """Write the new items of a page, and secure what has come if it is time."""
        await self.do(lambda: self.sink.write(lines))
        self._ids += ids
        self._pages += 1
        if self._pages == COMMIT:
            await self.commit()

    async def commit(self) -> None:
        """Secure what has come."""
        await self.do(lambda: self._secure(is_last=False))
        self._ids.clear()
        self._pages = 0

    async def finish(self) -> None:
        """Secure the last of it, and give it its name."""
        await self.do(lambda: self._secure(is_last=True))
        await self.do(self.sink.finish)
        await self.end()

    async def end(self) -> None:
        """Note that it has its name."""
        journal, report, skew = self.journal, self.tally.report.to_dict(), self.tally.skew or 0.0
        if journal is not None:
            await self.do(lambda: journal.end(report, skew))

    def _secure(self, *, is_last: bool) -> None:
        state = self.sink.commit()
        if self.journal is not None:
            report = self.tally.report.to_dict()
            self.journal.add(Entry(self.page, state, [*self._ids], report, is_last))
        self._is_secured = True
