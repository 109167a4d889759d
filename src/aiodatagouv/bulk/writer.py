"""The writer: writes a destination and its checkpoint in a thread, while calls go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from attrs import define, field

from ..errors import CheckpointError
from ._journal.checkpoint import Entry, Journal
from ._journal.place import Seal
from .report import Counters
from .sinks import FileSink, Sink

COMMIT = 10
"""Pages between two commits. Compressed pieces end there too."""

KEPT = "what was committed is kept: the same call continues the harvest there"
"""The note of an error after which a harvest can be continued."""

T = TypeVar("T")


@define
class Writer:
    """Writes a destination, and its checkpoint after each commit.

    Attributes:
        sink: The destination.
        journal: Its checkpoint, if it has one.
        counters: The counters of the harvest.
        page: The last page of the list that was written.
        explode: Makes the rows of an item, unless each item is one.
        seal: The identity of the finished file, once it is known.
        empty: The ids of the items without a row, so far.
        stopping: Set when the work of the thread is to be abandoned.
    """

    sink: Sink
    journal: Journal | None
    counters: Counters
    explode: Callable[[bytes], list[bytes]] | None = None
    page: int = 0
    seal: Seal | None = None
    empty: list[str] = field(factory=list[str])
    stopping: threading.Event = field(factory=threading.Event)
    _ids: list[str] = field(factory=list[str])
    _pages: int = 0
    _recorded: int = 0
    _is_committed: bool = False
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

    async def _close(self, error: BaseException | None) -> None:
        """Close the destination after the work in progress, however often this is cancelled."""

        def close() -> None:
            # The work in progress may have committed meanwhile.
            is_useless = error is not None and not self._is_committed
            with ExitStack() as rest:
                if self.journal is not None:
                    rest.callback(self.journal.close, is_useless=is_useless)
                if is_useless and isinstance(self.sink, FileSink):
                    rest.callback(self.sink.discard)
                self.sink.close()  # It fails if the disk is full.

        closing = asyncio.ensure_future(self.run(close))
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
        # An update starts again; other files than those of the checkpoint are not continued.
        is_whole = self.journal is not None and self.journal.since is None
        is_kept = is_whole and self._is_committed and not isinstance(error, CheckpointError)
        if error is not None and is_kept:
            error.add_note(KEPT)
        if cancelled is not None:
            raise cancelled

    async def run(self, work: Callable[[], T]) -> T:
        """Run some work in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def restore(self, page: int, empty: list[str]) -> None:
        """Continue an interrupted run.

        Args:
            page: The last page that it has committed.
            empty: The ids of the items without a row that it has committed.
        """
        self.page, self.empty, self._is_committed = page, empty, True
        self._recorded = len(empty)

    async def write(self, lines: list[bytes], ids: list[str | None]) -> None:
        """Write the new items of a page, and commit when it is time.

        Raises:
            DecodeError: An item cannot be made into rows.
        """
        rows = await self.run(lambda: self._write(lines, ids))
        self.counters.add(rows=rows)
        self._ids += [one for one in ids if one]
        self._pages += 1
        if self._pages == COMMIT:
            await self.run(lambda: self._commit(is_last=False))
            self._ids.clear()
            self._pages = 0

    async def finish(self) -> None:
        """Commit the rest, and give the destination its final name."""
        await self.run(lambda: self._commit(is_last=True))
        await self.run(self._seal)
        await self.run(self.sink.finish)
        await self.record_end()

    async def keep(self, seal: Seal) -> None:
        """Leave an existing file as it is, and record that nothing in it has changed.

        Args:
            seal: Its identity.
        """
        assert isinstance(self.sink, FileSink)
        await self.run(self.sink.close)
        await self.run(self.sink.discard)
        self.seal = seal
        await self.record_end()

    def check(self) -> None:
        """Check in the thread that its work is still wanted.

        Raises:
            InterruptedError: It is not.
        """
        if self.stopping.is_set():
            raise InterruptedError("the harvest was stopped")

    async def record_end(self) -> None:
        """Record in the checkpoint that the destination has its final name."""
        journal, counters = self.journal, self.counters
        if journal is not None:
            report, began = counters.report.to_dict(), counters.began
            await self.run(lambda: journal.finish(report, began, self.seal, self.empty))

    def _write(self, lines: list[bytes], ids: list[str | None]) -> int:
        """Write the rows of some items, and return their number."""
        rows = lines
        if self.explode is not None:
            rows = []
            for line, key in zip(lines, ids, strict=True):
                several = self.explode(line)
                rows += several
                if key is not None and not several:
                    self.empty.append(key)
        self.sink.write(rows)
        return len(rows)

    def _commit(self, *, is_last: bool) -> None:
        state = self.sink.commit()
        self._is_committed = True  # Even if the entry fails: it may be on disk nevertheless.
        self._record(state, [*self._ids], is_last=is_last)

    def _seal(self) -> None:
        """Complete a file, and record what it is recognised by under its final name.

        Raises:
            CheckpointError: The number of rows in the file is not the one that was counted.
        """
        if not isinstance(self.sink, FileSink):
            return
        self.seal, rows = self.sink.seal(), self.counters.report.rows
        if self.seal.items != rows:
            raise CheckpointError(
                f"the temporary file has {self.seal.items} rows instead of {rows}: harvest all "
                "anew, without resuming"
            )
        self._record(self.sink.commit(), [], is_last=True)

    def _record(self, state: Any, ids: list[str], *, is_last: bool) -> None:
        """Add an entry to the checkpoint."""
        if self.journal is not None:
            report, began = self.counters.report.to_dict(), self.counters.began
            empty, self._recorded = self.empty[self._recorded :], len(self.empty)
            entry = Entry(self.page, state, ids, report, is_last, self.seal, began, empty)
            self.journal.add(entry)
