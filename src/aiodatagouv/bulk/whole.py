"""The harvest of a whole list, or of a part of one, into a new destination."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

from attrs import define, evolve, field

from .._walk.pages import Batch, walk
from .._walk.seen import Seen
from .._walk.split import SplitWalk
from ..errors import (
    CheckpointError,
    MissingResultsError,
    NotFoundError,
    OrderError,
    UnknownOrderError,
)
from ._journal.checkpoint import Entry, changed
from ._lines.lines import Lines
from .plan import Plan
from .report import Report
from .sinks import FileSink
from .writer import Writer

Progress = Callable[[Report], object]
"""Called after each page with the report so far."""


@define
class WholeHarvest:
    """A harvest of a whole list, or of a part of one, that begins or goes on.

    Attributes:
        plan: The plan.
        writer: The writer of the destination.
        concurrency: The most pages in flight at once.
        progress: Called after each page.
        seen: The items that were written.
        first: The first page wanted.
    """

    plan: Plan
    writer: Writer
    concurrency: int
    progress: Progress | None
    seen: Seen = field(factory=Seen)
    first: int = 1

    async def run(self) -> None:
        """Continue after an interrupted run, to the end."""
        self.first = self.plan.first
        if await self._resume():
            return
        if self.plan.split is not None:
            await self._walk_parts(self.plan.split)
        else:
            await (self._walk_stably() if self.plan.listing.unstable is None else self._walk())
        self.seen.ids.clear()  # Finishing the file may need the memory.
        await self.writer.finish()

    async def _resume(self) -> bool:
        """Open the destination; whether nothing is left to do."""
        writer, journal = self.writer, self.writer.journal
        entries = [] if journal is None else journal.entries
        last = entries[-1] if entries else None
        if last is None:
            await writer.run(lambda: writer.sink.open(None))
            return False
        writer.restore(last.page, [key for entry in entries for key in entry.empty])
        for entry in entries:
            self.seen.ids.update(entry.ids)
        report = Report(**last.report)
        writer.counters.restore(evolve(report, resumed=report.items), last.began)
        try:
            await writer.run(lambda: writer.sink.open(last.state))
        except CheckpointError:
            if not last.is_last or not await writer.run(lambda: self._has_name(last)):
                raise
            if isinstance(writer.sink, FileSink):
                await writer.run(writer.sink.discard)
            writer.seal = last.seal
            await writer.record_end()
            return True
        if last.is_last:
            await writer.finish()
        self.first = max(self.first, last.page + 1)
        return last.is_last

    def _has_name(self, last: Entry) -> bool:
        """Whether the destination had its final name already when it was interrupted.

        Raises:
            CheckpointError: There is another file under that name.
        """
        sink, journal = self.writer.sink, self.writer.journal
        if not isinstance(sink, FileSink) or journal is None:
            return True
        if last.seal is None or not sink.exists():
            return False
        if not sink.holds(last.seal):
            raise changed(journal.storage.destination)
        return True

    async def _walk_stably(self) -> None:
        """Walk in order of creation, and check that nothing was missed."""
        listing, part, counters = self.plan.listing, self.plan.part, self.writer.counters
        tolerant = listing.tolerant_walk(
            self.plan.reader(), low=part.low if part else None, high=part.high if part else None
        )
        walk, before = tolerant.stable, counters.report
        walk.seen = self.seen
        walk.suspects = {one.id for one in before.skipped if one.id}
        if self.first > self.plan.first and before.unknown_order is None:
            tolerant.fetch = None  # The pages before were sorted.
        batches = tolerant.batches(
            first=self.first, concurrency=self.concurrency, end=part.end if part else 0
        )
        try:
            async with aclosing(batches):
                async for batch, new in batches:
                    if not walk.missed:
                        self.writer.page = max(self.first, self.writer.page + 1)
                    unknown = listing.created.sort if tolerant.is_unsorted else None
                    counters.set(missed=before.missed + walk.missed, unknown_order=unknown)
                    await self._write(batch, new)
        except UnknownOrderError as error:
            if not tolerant.is_unsorted:
                raise
            self._count(f"only the number of items can be checked: the list {error.problem}")
        except OrderError as error:
            self._count(str(error))
        else:
            # These names are final: those of the pages include items that have come or gone since.
            counters.set(skipped=tuple(walk.skipped))
            counters.conclude()

    async def _walk(self) -> None:
        """Walk in the portal's own order, or in the one asked for."""
        listing = self.plan.listing
        fetch = listing.fetcher(self.plan.reader())
        pages = walk(listing.client._start, fetch, first=self.first, concurrency=self.concurrency)
        try:
            async with aclosing(pages):
                async for batch in pages:
                    self.writer.page = max(self.first, self.writer.page + 1)
                    await self._write(batch, self.seen.new(batch.ids))
        except NotFoundError:
            if not self.writer.page:
                raise
        self._count(f"only the number of items can be checked: {self.plan.listing.unstable}")

    async def _walk_parts(self, facets: tuple[str, ...]) -> None:
        """Walk over the parts of a search, and check by their number that no item was missed."""
        listing, counters = self.plan.listing, self.writer.counters
        walk = SplitWalk(listing, self.plan.reader(), facets, self.seen)
        try:
            async with aclosing(walk.batches(concurrency=self.concurrency)) as batches:
                async for batch, new in batches:
                    self.writer.page += 1
                    await self._write(batch, new)
        except MissingResultsError as error:
            counters.conclude(str(error), is_complete=False)
        else:
            reason = "only the number of items can be checked: the list was split"
            if walk.has_changed:
                reason = "results came or went meanwhile, and the list was split"
            counters.conclude(reason, is_complete=not walk.has_changed)

    def _count(self, reason: str) -> None:
        """Tell by the number of items alone whether the harvest is complete."""
        listing, counters = self.plan.listing, self.writer.counters
        left_out = (listing.first - 1) * listing.page_size + len(counters.report.skipped)
        is_complete = counters.report.items + left_out == counters.report.total
        counters.conclude(reason, is_complete=is_complete)

    async def _write(self, batch: Batch[Lines], new: list[int]) -> None:
        counters, part = self.writer.counters, self.plan.part
        total = batch.total if part is None or part.is_whole else part.end - part.start
        counters.add(items=len(new), pages=1, total=total)
        ids = [batch.ids[index] for index in new]
        counters.skip(batch.skipped, self.seen.ids)
        counters.mark(batch.marks[index] for index in new if batch.marks)
        await self.writer.write([batch.page[index] for index in new], ids)
        if self.progress is not None:
            self.progress(counters.report)
