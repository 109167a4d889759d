"""The harvest: from the pages of a list to a destination."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, evolve, field

from .. import masks
from ..errors import CheckpointError, DestinationError, NotFoundError, OrderError
from ..lists import fetcher, first_page, instability, page_size, stable_walk
from ..walk import Batch, Seen, walk
from .checkpoint import Journal
from .desk import Desk
from .merging import check_update, update
from .plan import Lines, Plan
from .report import Report, Tally
from .sinks import SUFFIXES, FileSink, JsonLines, Sink, needs

if TYPE_CHECKING:
    from ..client import Client
    from ..pagination import Paginator
    from ..types import Fields
    from .partition import Part

Progress = Callable[[Report], object]
"""What is called after each page with what the harvest has come to."""


async def harvest(
    client: Client,
    paginator: Paginator[Any, Any] | Part,
    destination: str | os.PathLike[str] | Sink,
    *,
    concurrency: int = 4,
    fields: Fields | None = None,
    into: type[Any] | None = None,
    resume: bool = True,
    since: dt.date | Literal["last"] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write all items of a list to a file.

    >>> report = await bulk.harvest(client, api.datasets.list_datasets(client), "datasets.jsonl.gz")
    >>> report.complete
    True

    Every item that is there throughout is written exactly once, whatever is created, changed or
    deleted meanwhile, in the order of creation; where the portal does not sort a list so, its own
    order is kept, and the report says why no more than the number of items can be checked.

    A file appears under its name once it is whole. Until then it is ``<name>.part``, and
    ``<name>.checkpoint`` says how far it is: after an error, an interrupt or a kill, the same call
    continues there. The checkpoint stays, and remembers when the harvest began.

    Args:
        client: The portal to call.
        paginator: The list, as the function of its operation returns it, or a :class:`Part`.
        destination: A file, whose suffix says how it is written: ``.jsonl``, ``.jsonl.gz``,
            ``.jsonl.zst`` (extra ``zstd``) or ``.parquet`` (extra ``parquet``); or a :class:`Sink`.
        concurrency: How many pages may be under way at once.
        fields: Which fields are wanted, if the list does not say so.
        into: A class to decode items into, which are written as it has them; instead of fields.
        resume: Whether to continue a run that was cut off; else it is forgotten.
        since: Fetch only what has changed since a date, or since the latest complete harvest
            (``"last"``) began, and bring the file up to date with it: an item that changed is
            replaced, what is new comes last, what is not there any more is taken out. Such a run
            fetches a page at a time, and begins anew when it was cut off.
        progress: Is called after each page.

    Returns:
        What it has come to.

    Raises:
        DestinationError: It cannot be written as asked.
        OrderError: With ``since``: the portal does not sort by changes; the file is as it was.
        CheckpointError: The checkpoint is of another harvest, or in use.
        MaskError: The fields that are wanted cannot be had.
        APIError, NetworkError, DecodeError: The portal fails; what has come is kept.
        OSError: The file cannot be written.
        ValueError: A parameter is none.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency is {concurrency}: at least 1 page must be under way")
    plan = Plan.of(paginator, fields, into)
    plan.call.check()
    sink = _sink(destination, plan)
    if since is not None:
        check_update(plan, sink, since)
    query = plan.query(client.base_url, has_key=client.has_key)
    journal = None
    if sink.checkpoint is not None:
        journal = Journal.open(sink.checkpoint, query, resume=resume, since=since)
    tally = Tally(Report(operation=plan.call.operation.id))
    async with Desk(sink, journal, tally) as desk:
        client = tally.watch(client)
        if journal is not None and journal.since is not None:
            await update(client, plan, desk, journal.since, progress)
        else:
            await _Harvest(client, plan, desk, concurrency, progress).run()
    return desk.tally.report


@define
class _Harvest:
    """A harvest of all that there is.

    Attributes:
        client: The portal to call.
        plan: What is harvested.
        desk: Where it goes.
        concurrency: How many pages may be under way at once.
        progress: What to call after each page.
        seen: What has been written.
        first: The first page that is wanted.
    """

    client: Client
    plan: Plan
    desk: Desk
    concurrency: int
    progress: Progress | None
    seen: Seen = field(factory=Seen)
    first: int = 1

    async def run(self) -> None:
        """Go on where an earlier run has ended, to the end."""
        self.first = self.plan.part.page if self.plan.part else first_page(self.plan.call)
        if await self._resume():
            return
        unstable = None if self.plan.part else instability(self.plan.call)
        await (self._walk(unstable) if unstable else self._walk_stably())
        self.seen.ids.clear()  # What puts a file together may need the memory.
        await self.desk.finish()

    async def _resume(self) -> bool:
        """Open the destination; whether nothing is left to do."""
        desk, journal = self.desk, self.desk.journal
        entries = [] if journal is None else journal.entries
        last = entries[-1] if entries else None
        if last is None:
            await desk.do(lambda: desk.sink.open(None))
            return False
        desk.restore(last.page)
        for entry in entries:
            self.seen.ids.update(entry.ids)
        report = Report(**last.report)
        self.desk.tally.restore(evolve(report, resumed=report.items))
        try:
            await desk.do(lambda: desk.sink.open(last.state))
        except CheckpointError:
            is_named = not isinstance(desk.sink, FileSink) or desk.sink.exists()
            if not (last.is_last and is_named):
                raise
            await desk.end()  # It had its name already.
            if isinstance(desk.sink, FileSink):
                await desk.do(desk.sink.discard)
            return True
        if last.is_last:
            await desk.finish()
        self.first = max(self.first, last.page + 1)
        return last.is_last

    async def _walk_stably(self) -> None:
        """Walk in the order of creation, with a check that nothing was missed."""
        part, order = self.plan.part, self.plan.call.operation.created
        orders = [order] if part and order else []
        walk = stable_walk(
            self.client,
            self.plan.wide(*orders),
            self.plan.reader(*orders),
            low=part.low if part else None,
            high=part.high if part else None,
        )
        walk.seen = self.seen
        missed = self.desk.tally.report.missed
        batches = walk.batches(
            first=self.first, concurrency=self.concurrency, end=part.end if part else 0
        )
        try:
            async with aclosing(batches):
                async for batch, new in batches:
                    if not walk.missed:
                        self.desk.page = max(self.first, self.desk.page + 1)
                    self.desk.tally.note(missed=missed + walk.missed)
                    await self._write(batch, new)
        except OrderError as error:
            self._conclude(str(error))
        else:
            self.desk.tally.note(complete=True)

    async def _walk(self, reason: str) -> None:
        """Walk in the portal's own order, or in the one that was asked for."""
        fetch = fetcher(self.client, self.plan.wide(), self.plan.reader())
        pages = walk(self.client.start, fetch, first=self.first, concurrency=self.concurrency)
        try:
            async with aclosing(pages):
                async for batch in pages:
                    self.desk.page = max(self.first, self.desk.page + 1)
                    await self._write(batch, self.seen.new(batch.ids))
        except NotFoundError:
            if not self.desk.page:
                raise
        self._conclude(f"only the number of items can be checked: {reason}")

    def _conclude(self, reason: str) -> None:
        """Tell by the number of items alone whether all are there."""
        call, report = self.plan.call, self.desk.tally.report
        skipped = (first_page(call) - 1) * page_size(call)
        self.desk.tally.note(complete=report.items + skipped == report.total, reason=reason)

    async def _write(self, batch: Batch[Lines], new: list[int]) -> None:
        self.desk.tally.add(items=len(new), pages=1, total=self._total(batch))
        ids = [batch.ids[place] for place in new]
        await self.desk.write([batch.page[place] for place in new], [one for one in ids if one])
        if self.progress is not None:
            self.progress(self.desk.tally.report)

    def _total(self, batch: Batch[Lines]) -> int:
        part = self.plan.part
        return batch.total if part is None else part.end - part.start


def _sink(destination: str | os.PathLike[str] | Sink, plan: Plan) -> Sink:
    """Where a harvest goes.

    Raises:
        DestinationError: It is no destination, or a package for it is missing.
    """
    if isinstance(destination, Sink):
        return destination
    path = Path(destination).resolve() if Path(destination).is_symlink() else Path(destination)
    if not path.name.endswith(SUFFIXES):
        raise DestinationError(f"{path}: its suffix must be one of {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise DestinationError(f"{path}: there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise DestinationError(f"{path} is no file")
    if path.suffix != ".parquet":
        return JsonLines(path)
    try:
        from . import columns
        from .parquet import Parquet
    except ImportError:
        raise needs("pyarrow", "parquet", path) from None
    if plan.projection is not None:
        return Parquet(path, columns.of_class(plan.projection.class_))
    operation = plan.call.operation
    return Parquet(path, columns.of_model(masks.model_of(operation), plan.call.mask()))
