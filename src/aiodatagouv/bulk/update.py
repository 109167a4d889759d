"""The update of a file: a harvest of the changes since an earlier one, merged into its file."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from attrs import evolve

from .._walk.listing import PAGE_SIZE, Watch
from .._walk.pages import Batch
from .._walk.stable import backwards
from ..errors import DestinationError, OrderError, UnknownOrderError
from ..operation import Order
from .merge import Changes, There, merge
from .plan import Lines, Plan
from .report import Report
from .sinks import FileSink, Sink
from .writer import Writer

_log = logging.getLogger("aiodatagouv")

_ANEW = "harvest all anew, without since"
"""The advice for a list that cannot be updated."""


def check_update(plan: Plan, sink: Sink, since: object, *, is_strict: bool) -> None:
    """Check that a file can be updated, now or by a later harvest.

    Args:
        plan: The plan of the harvest.
        sink: The file.
        since: The date of the oldest changes, or "last".
        is_strict: Whether there must be a file already.

    Raises:
        DestinationError: There is no file, or the list has no order or id to merge by.
        ValueError: ``since`` is neither a date nor "last".
    """
    if since != "last" and not isinstance(since, dt.date):
        raise ValueError(f"since is {since!r}: it must be a date, a datetime or 'last'")
    call = plan.listing.call
    reason = None
    if plan.part is not None or not isinstance(sink, FileSink):
        reason = "only a file with a whole list can be updated"
    elif call.operation.changed is None:
        reason = f"the portal cannot sort the list by changes: {_ANEW}"
    elif plan.listing.unstable is not None:
        reason = plan.listing.unstable
    elif call.mask is not None and not {"id", "*"} & call.mask.keys():
        reason = "the id must be among the fields wanted: changes are merged by it"
    elif is_strict and not sink.exists():
        reason = "there is no file yet to update"
    if reason is not None:
        raise DestinationError(f"{plan.listing.call.operation.name}: since: {reason}")


async def update(
    plan: Plan,
    writer: Writer,
    since: dt.datetime,
    progress: Callable[[Report], object] | None,
) -> None:
    """Fetch the changes since a date, and write the file again with them, if there are any.

    The result holds every item that exists throughout. Items that appeared without a date of
    change, such as those that were private before, are found by reading all ids with the dates of
    the last write. Items that no longer exist are removed. An item that the portal cannot send
    stays as it is in the file, unless not even its id can be read: then it seems to be gone.

    Args:
        plan: The plan of the harvest; :func:`check_update` has accepted it.
        writer: The writer of the file.
        since: The least date of the changes wanted.
        progress: Called after each page with the report so far.

    Raises:
        CheckpointError: The existing file is not the one that the latest harvest has written.
        DestinationError: The existing file has other columns, or an item without an id.
        DecodeError: An item cannot be made into the rows of a flat table.
        OrderError: The portal does not sort the list by creation.
    """
    sink, journal, counters = writer.sink, writer.journal, writer.counters
    order = plan.listing.call.operation.changed
    assert isinstance(sink, FileSink)
    assert journal is not None
    assert order is not None
    counters.set(since=since.isoformat())
    seal = await writer.run(lambda: journal.check_destination(sink.holds))
    there = await writer.run(lambda: There.of(sink, journal.empty))
    known, stale = there.known, {*journal.stale}
    with Changes.beside(sink.checkpoint) as changes:

        async def keep(batch: Batch[Lines], new: list[int]) -> None:
            counters.add(pages=1, total=batch.total)
            await writer.run(lambda: changes.add(batch, new))
            counters.set(changed=len(changes.offsets))
            if progress is not None:
                progress(counters.report)

        unsorted: str | None = None
        latest = _latest(plan, order, len(known), since)
        try:
            async with aclosing(latest):
                async for batch in latest:
                    stale.update(one.id for one in batch.skipped if one.id)
                    new = [index for index, date in enumerate(batch.dates) if date >= since]
                    new = [index for index in new if batch.ids[index] not in changes.offsets]
                    await keep(batch, new)
        except OrderError as error:
            unsorted = f"changes were found by their dates alone: the list {error.problem}"
            _log.info("%s: %s", plan.listing.call.operation.name, unsorted)
            if isinstance(error, UnknownOrderError):
                counters.set(unknown_order=order.sort)
        watch = Watch(order.dates, since, plan.listing.marking)
        walk = plan.listing.stable_walk(plan.reader(), watch=watch)
        try:
            inventory = await walk.inventory(counters.report.total or len(known))
        except OrderError as error:
            raise OrderError(error.operation, error.problem, _ANEW) from error
        # An item that was written without a new date of change counts as missing; so does one that
        # could not be sent, by an earlier update or now, or whose dates cannot.
        walk.suspects |= stale
        stale.update(one.id for one in inventory.skipped if one.id)
        walk.seen.ids |= (known - watch.found - stale) | changes.offsets.keys()
        dated = set(changes.offsets)
        async with aclosing(walk.missing(inventory)) as missing:
            async for batch, new in missing:
                await keep(batch, new)
        counters.set(skipped=tuple(walk.skipped))
        counters.mark(watch.marks.get(one, ()) for one in inventory.ids)
        merged = None if changes.offsets or seal is None else there.without(inventory.ids)
        if merged is None:
            explode, check = writer.explode, writer.check
            present = inventory.ids
            merged = await writer.run(lambda: merge(sink, there, changes, present, explode, check))
    writer.empty = sorted(merged.empty)
    counters.set(
        items=merged.items,
        rows=merged.rows,
        added=len(merged.added),
        changed=len(merged.changed),
        removed=merged.removed,
        missed=len((merged.added | merged.changed) - dated),
    )
    gap = f"changes before {since:%Y-%m-%d %H:%M} UTC are not fetched: a later date was given"
    reasons = [gap if journal.has_gap else None, unsorted]
    counters.conclude("; ".join(filter(None, reasons)) or None)
    if merged.is_different or seal is None:
        await writer.finish()
    else:
        await writer.keep(seal)


async def _latest(
    plan: Plan, order: Order, end: int, since: dt.datetime
) -> AsyncGenerator[Batch[Lines]]:
    """Iterate over the pages of a list in order of changes, from the end until a date.

    Older releases sort by the date of the last write instead; so that is tried next. Whatever the
    portal sorts by, the second pass of an update finds what is not on these pages.

    Raises:
        OrderError: The portal does not sort the list by changes.
    """
    for date in order.dates:
        changed = plan.dated(evolve(order, date=date))
        stretches = backwards(
            changed.listing.fetcher(changed.reader(), is_steady=True),
            end,
            operation=plan.listing.call.operation.name,
            size=max(plan.listing.page_size, PAGE_SIZE),
            low=since,
        )
        try:
            async with aclosing(stretches):
                async for _, batch in stretches:
                    yield batch
        except OrderError as error:
            if isinstance(error, UnknownOrderError) or date == order.dates[-1]:
                raise
        else:
            return
