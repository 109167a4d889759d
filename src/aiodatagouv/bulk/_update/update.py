"""The update of a file: a harvest of the changes since an earlier one, merged into its file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path

from ...errors import DestinationError
from ..plan import Plan
from ..report import Report
from ..sinks import FileSink, Sink
from ..writer import Writer
from .changes import ChangeWalk
from .merge import Changes, There, merge

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
    if not isinstance(sink, FileSink):
        reason = "only a file can be updated"
    elif call.operation.changed is None:
        reason = f"the portal cannot sort the list by changes: {_ANEW}"
    elif plan.listing.unstable is not None:
        reason = plan.listing.unstable
    elif plan.scattering:
        reason = (
            f"the rows of an item are in several folders by {', '.join(plan.scattering)}: "
            f"partition by columns of the item, such as {plan.key.removesuffix('id')}created_at, "
            "or harvest all anew each time, without since"
        )
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
    assert isinstance(sink, FileSink)
    assert journal is not None
    counters.set(since=since.isoformat())
    part = plan.part
    if part is not None and part.changes is not None:
        counters.began = part.changes.began  # The next update starts where they may end.
    seal = await writer.run(lambda: journal.check_destination(sink.holds))
    there = await writer.run(lambda: There.of(sink, journal.empty))
    known = there.known
    walk = ChangeWalk(plan, since, known, _ANEW, {*journal.stale})
    place = sink.checkpoint
    with Changes.within(place.parent if isinstance(place, Path) else None) as changes:
        async with aclosing(walk.batches()) as batches:
            async for batch, new in batches:
                counters.add(pages=1, total=batch.total)
                await writer.run(partial(changes.add, batch, new))
                counters.set(changed=len(changes.offsets), unknown_order=walk.unknown_order)
                if progress is not None:
                    progress(counters.report)
        if part is not None:  # The other changes are of other parts.
            changes.keep({*walk.ids})
            counters.set(total=len(walk.ids))
        elif counters.report.total is None:  # No page of changes has said it.
            counters.set(total=walk.total)
        counters.set(skipped=walk.skipped, unknown_order=walk.unknown_order)
        counters.mark(
            walk.marks.get(one, ()) for one in walk.ids if one in known or one in changes.offsets
        )
        merged = None if changes.offsets or seal is None else there.without(walk.ids)
        if merged is None:
            explode, check = writer.explode, writer.check
            merged = await writer.run(lambda: merge(sink, there, changes, walk.ids, explode, check))
    writer.empty = sorted(merged.empty)
    counters.set(
        items=merged.items,
        rows=merged.rows,
        added=len(merged.added),
        changed=len(merged.changed),
        removed=merged.removed,
        missed=len((merged.added | merged.changed) - walk.dated),
    )
    gap = f"changes before {since:%Y-%m-%d %H:%M} UTC are not fetched: a later date was given"
    reasons = [gap if journal.has_gap else None, walk.unsorted]
    counters.conclude("; ".join(filter(None, reasons)) or None)
    if merged.is_different or seal is None:
        await writer.finish()
    else:
        await writer.keep(seal)
