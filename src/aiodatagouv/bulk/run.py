"""The harvest: from the pages of a list to a destination."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal, overload

from attrs import define, evolve, field

from .._walk.pages import Batch, check_concurrency, walk
from .._walk.seen import Seen
from .._walk.split import Split, SplitWalk
from ..client import Client
from ..errors import (
    CheckpointError,
    MissingResultsError,
    NotFoundError,
    OrderError,
    UnknownOrderError,
)
from ..pagination import Paginator
from ..types import Fields
from .checkpoint import Entry, Journal, changed
from .destination import sink_of
from .partition import Part
from .plan import Lines, Plan
from .report import Counters, Report
from .sinks import FileSink, Sink
from .storage import CheckpointFile
from .update import check_update, update
from .writer import Writer

Progress = Callable[[Report], object]
"""Called after each page with the report so far."""


@overload
async def harvest(
    source: Paginator[Any, Any],
    destination: str | os.PathLike[str] | Sink,
    *,
    concurrency: int = 4,
    fields: Fields | None = None,
    into: type[Any] | None = None,
    resume: bool = True,
    since: dt.date | Literal["last"] | None = None,
    strict: bool = False,
    skip_broken: bool = False,
    split: Split = False,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Report: ...
@overload
async def harvest(
    source: Part,
    destination: str | os.PathLike[str] | Sink,
    *,
    client: Client,
    concurrency: int = 4,
    fields: Fields | None = None,
    into: type[Any] | None = None,
    resume: bool = True,
    skip_broken: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Report: ...
async def harvest(
    source: Paginator[Any, Any] | Part,
    destination: str | os.PathLike[str] | Sink,
    *,
    client: Client | None = None,
    concurrency: int = 4,
    fields: Fields | None = None,
    into: type[Any] | None = None,
    resume: bool = True,
    since: dt.date | Literal["last"] | None = None,
    strict: bool = False,
    skip_broken: bool = False,
    split: Split = False,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write all items of a list to a file.

    >>> report = await bulk.harvest(api.datasets.list_datasets(client), "datasets.jsonl.gz")
    >>> report.complete
    True

    Every item that exists throughout is written exactly once, whatever is created, changed or
    deleted meanwhile, in order of creation. Where the portal cannot sort a list so, or its release
    does not know that sort order, its own order is kept, and the report says why only the number of
    items could be checked.

    A file appears under its name once it is whole. Until then it is ``<name>.part``, and
    ``<name>.checkpoint`` records the progress: after an error, an interrupt or a kill, the same
    call continues there. The checkpoint stays, and remembers when the harvest began.

    Args:
        source: The list, as the function of its operation returns it, or a :class:`Part` of one.
        destination: A file, in the format of its suffix: ``.jsonl``, ``.jsonl.gz``, ``.jsonl.zst``
            (extra ``zstd``) or ``.parquet`` (extra ``parquet``); or a :class:`Sink`. An object in
            a store is a URL, such as ``s3://bucket/datasets.jsonl.gz`` (extra ``fsspec``, and the
            store's package), which appears once it is whole too.
        client: The client that harvests a :class:`Part`; a list has its own.
        concurrency: The most pages in flight at once.
        fields: The fields wanted, unless the list was made with some.
        into: A class to decode the items into, and to write them as; instead of fields.
        resume: Whether to continue an interrupted run; otherwise it is forgotten.
        since: Fetch only the changes since a date, or since the latest complete harvest began
            (``"last"``), and update the file: changed items are replaced, new ones appended,
            deleted ones removed. Such a run fetches one page at a time, and starts again from the
            beginning if it is interrupted. With ``"last"``, the first run harvests all.
        strict: Whether ``since="last"`` is an error if no complete harvest of this file is known.
        skip_broken: Whether to leave out an object that makes every page with it a 500, even after
            the retries, or a 400. Its page is narrowed down to it, and the rest is taken; the
            report names it, and is then not ``complete`` but ``complete_but_for`` one. More than
            ten such objects in a page are an error, as is a single one by default. In a file that
            is updated, it keeps its older version, and later updates ask for it again. A run
            that has failed without this option can be continued with it.
        split: Whether to read a search of more results than pages reach in parts, by any facets
            (True) or by these; see :meth:`aiodatagouv.Paginator.items`. An interrupted run reads
            all parts again, and writes what was not written.
        storage_options: Options of the store of a URL for fsspec, such as its endpoint, in addition
            to those that fsspec is configured with. They are not recorded.
        progress: Called after each page.

    Raises:
        TooManyResultsError: A search has more results than pages reach, or a part of one that
            cannot be split further has. Nothing was written.
        DestinationError: The destination cannot be written as asked, or somebody else's file has
            the name of its temporary file or checkpoint; as a :class:`~aiodatagouv.StoreError`, the
            store of a URL fails.
        OrderError: With ``since``: the portal does not sort the list by creation. The file is
            unchanged: harvest all anew.
        CheckpointError: The checkpoint belongs to another harvest, is damaged or in use, or does
            not describe the files there.
        MaskError: The items cannot be narrowed down to the fields.
        APIError, NetworkError, DecodeError: A call fails. The items that were received are kept.
        OSError: The file cannot be written.
        ValueError: The concurrency or the page size is not positive, or the list cannot be split.
        TypeError: A part is given without a client, or a list with one.
    """
    if isinstance(source, Paginator) and client is None:
        client = source.client
    elif not isinstance(source, Part) or client is None:
        raise TypeError("harvest takes a Paginator, or a Part and a client")
    check_concurrency(concurrency)
    counters = Counters(Report(operation=source.call.operation.name))
    observed = counters.observe(client)
    plan = Plan.of(observed, source, fields, into, skips_broken=skip_broken, split=split)
    sink = sink_of(destination, plan, storage_options)

    def begin() -> Journal | None:
        is_strict = strict or since != "last"
        if since is not None:
            check_update(plan, sink, since, is_strict=is_strict)
        place = sink.checkpoint
        if place is None:
            return None
        file = sink if isinstance(sink, FileSink) else None
        has_file = file is not None and file.exists()
        return Journal.open(
            CheckpointFile(place) if isinstance(place, Path) else place,
            plan.identity,
            resume=resume,
            since=since if is_strict or has_file else None,
            must_know=is_strict,
            claim=file.claim if file else None,
        )

    # A store answers after a while, and has no lock that a cancelled call could keep.
    is_near = sink.checkpoint is None or isinstance(sink.checkpoint, Path)
    journal = begin() if is_near else await asyncio.to_thread(begin)
    async with Writer(sink, journal, counters) as writer:
        if journal is not None and journal.since is not None:
            await update(plan, writer, journal.since, progress)
        else:
            await _Harvest(plan, writer, concurrency, progress).run()
    return counters.report


@define
class _Harvest:
    """A harvest of a whole list, or of a part of one.

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
        writer.restore(last.page)
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
        lines = [batch.page[index] for index in new]
        await self.writer.write(lines, [one for one in ids if one])
        if self.progress is not None:
            self.progress(counters.report)
