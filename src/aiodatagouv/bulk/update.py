"""The update of a file: a harvest of the changes since an earlier one, merged into its file."""

from __future__ import annotations

import datetime as dt
import logging
import os
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

from attrs import define, evolve, field

from .._walk.listing import PAGE_SIZE, Watch
from .._walk.pages import Batch
from .._walk.stable import backwards
from ..errors import DestinationError, OrderError, UnknownOrderError
from ..operation import Order
from .plan import Lines, Plan
from .report import Report
from .sinks import FileSink, Sink
from .writer import COMMIT, Writer

_log = logging.getLogger("aiodatagouv")

_ANEW = "harvest all anew, without since"
"""The advice for a list that cannot be updated."""

_BATCH = 100
"""Rows that are written in one call."""


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
    """Fetch the changes since a date, and write the file again with them.

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
        OrderError: The portal does not sort the list by creation.
    """
    sink, counters, order = writer.sink, writer.counters, plan.listing.call.operation.changed
    assert isinstance(sink, FileSink)
    assert order is not None
    if (journal := writer.journal) is not None:
        await writer.run(lambda: journal.check_destination(sink.holds))
    known, stale = set[str](), set[str](journal.stale if journal else [])
    await writer.run(lambda: known.update(key for key, _ in sink.existing()))
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
            name = plan.listing.call.operation.name
            fields = {"event": "unsorted", "operation": name, "problem": error.problem}
            _log.info("%s: %s", name, unsorted, extra=fields)
            if isinstance(error, UnknownOrderError):
                counters.set(unknown_order=order.sort)
        watch = Watch(order.dates, since)
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
        async with aclosing(walk.missing(inventory)) as missing:
            async for batch, new in missing:
                await keep(batch, new)
        counters.set(missed=walk.missed, skipped=tuple(walk.skipped))
        await writer.run(lambda: _merge(sink, changes, inventory.ids, writer))
    gap = f"changes before {since:%Y-%m-%d %H:%M} UTC are not fetched: a later date was given"
    has_gap = writer.journal is not None and writer.journal.has_gap
    counters.conclude("; ".join(filter(None, [gap if has_gap else None, unsorted])) or None)
    await writer.finish()


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


@define
class Changes:
    """Changed items, kept in a temporary file.

    Attributes:
        offsets: The id of each item -> its offset and length in the file.
    """

    _file: BinaryIO
    offsets: dict[str, tuple[int, int]] = field(factory=dict[str, tuple[int, int]])

    @classmethod
    @contextmanager
    def beside(cls, path: Path) -> Generator[Self]:
        """Open a temporary file in the folder of another file: /tmp may be too small."""
        with tempfile.TemporaryFile(dir=path.parent) as file:
            yield cls(file)

    def add(self, batch: Batch[Lines], new: list[int]) -> None:
        """Store the items at some indexes of a page; items without an id are skipped."""
        for index in new:
            key, line = batch.ids[index], batch.page[index]
            if key is not None:
                self.offsets[key] = (self._file.seek(0, os.SEEK_END), len(line))
                self._file.write(line)

    def take(self, key: str) -> bytes:
        """Remove an item and return it."""
        offset, length = self.offsets.pop(key)
        self._file.seek(offset)
        return self._file.read(length)


def _merge(sink: FileSink, changes: Changes, present: list[str], writer: Writer) -> None:
    """Write the existing file again, with the changes, and without the items that are gone."""
    rows: list[Any] = []
    items = removed = 0
    current = {*present, *changes.offsets}

    def write(row: Any) -> None:
        nonlocal items
        if writer.stopping.is_set():
            raise InterruptedError("the harvest was stopped")
        items += 1
        rows.append(row)
        if len(rows) == _BATCH:
            sink.write_rows(rows)
            rows.clear()
            if items % (COMMIT * _BATCH) == 0:
                sink.commit()

    sink.open(None)
    for key, row in sink.existing():
        if key in changes.offsets:
            write(*sink.rows([changes.take(key)]))
        elif key in current:
            write(row)
        else:
            removed += 1
    # New items, in order of creation.
    for key in (*present, *changes.offsets):
        if key in changes.offsets:
            write(*sink.rows([changes.take(key)]))
    sink.write_rows(rows)
    writer.counters.set(items=items, removed=removed)
