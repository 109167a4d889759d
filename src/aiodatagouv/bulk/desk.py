"""The one thread in which a destination is written, so that the calls go on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from attrs import define, field

from .checkpoint import Entry, Journal
from .report import Tally
from .sinks import Sink

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
    """

    sink: Sink
    journal: Journal | None
    tally: Tally
    page: int = 0
    _ids: list[str] = field(factory=list[str])
    _pages: int = 0
    _thread: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(max_workers=1))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What it is just writing ends first.
        try:
            self._thread.submit(self.sink.close).result()
        finally:
            self._thread.shutdown()
            if self.journal is not None:
                self.journal.close()

    async def do(self, work: Callable[[], T]) -> T:
        """Do something there."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

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
        self.end()

    def end(self) -> None:
        """Note that it has its name."""
        if self.journal is not None:
            self.journal.end(self.tally.report.to_dict(), self.tally.skew or 0.0)

    def _secure(self, *, is_last: bool) -> None:
        state = self.sink.commit()
        if self.journal is not None:
            report = self.tally.report.to_dict()
            self.journal.add(Entry(self.page, state, [*self._ids], report, is_last))
