"""The update of a file: a harvest of the changes since an earlier one, merged into its file."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import aclosing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Self

from attrs import define, field

from .._walk.pages import Batch
from ..errors import DestinationError
from .changes import ChangeWalk
from .plan import Lines, Plan
from .report import Report
from .sinks import FileSink, Sink
from .writer import COMMIT, Writer

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
    sink, counters = writer.sink, writer.counters
    assert isinstance(sink, FileSink)
    if (journal := writer.journal) is not None:
        await writer.run(lambda: journal.check_destination(sink.holds))
    known, stale = set[str](), set[str](journal.stale if journal else [])
    await writer.run(lambda: known.update(key for key, _ in sink.existing()))
    walk = ChangeWalk(plan, since, known, _ANEW, stale)
    with Changes.beside(sink.checkpoint) as changes:
        async with aclosing(walk.batches()) as batches:
            async for batch, new in batches:
                counters.add(pages=1, total=batch.total)
                await writer.run(partial(changes.add, batch, new))
                counters.set(changed=len(changes.offsets), unknown_order=walk.unknown_order)
                if progress is not None:
                    progress(counters.report)
        counters.set(missed=walk.missed, skipped=walk.skipped, unknown_order=walk.unknown_order)
        await writer.run(lambda: _merge(sink, changes, walk.ids, writer))
    gap = f"changes before {since:%Y-%m-%d %H:%M} UTC are not fetched: a later date was given"
    has_gap = writer.journal is not None and writer.journal.has_gap
    counters.conclude("; ".join(filter(None, [gap if has_gap else None, walk.unsorted])) or None)
    await writer.finish()


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
