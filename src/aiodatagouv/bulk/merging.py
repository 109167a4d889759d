"""A harvest of what has changed, merged into the file that an earlier one has left."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from attrs import define, field

from ..errors import DestinationError
from ..lists import PAGE_SIZE, Watch, fetcher, instability, page_size, stable_walk
from ..stable import backwards
from ..walk import Batch
from .desk import COMMIT, Desk
from .plan import Lines, Plan
from .report import Report
from .sinks import FileSink, Sink

if TYPE_CHECKING:
    from ..client import Client

_TOGETHER = 100
"""Rows that are written at once."""


def check_update(plan: Plan, sink: Sink, since: object) -> None:
    """Refuse what cannot be brought up to date.

    Raises:
        DestinationError: There is nothing to merge into, or nothing to merge by.
        ValueError: ``since`` is no date.
    """
    if since != "last" and not isinstance(since, dt.date):
        raise ValueError(f"since is {since!r}: give a date, a datetime or 'last'")
    call = plan.call
    name, mask = call.operation.id, call.mask()
    reason = None
    if plan.part is not None or not isinstance(sink, FileSink):
        reason = "only a file with a whole list can be brought up to date"
    elif call.operation.changed is None:
        reason = "the portal cannot sort it by what has changed"
    elif (unstable := instability(call)) is not None:
        reason = unstable
    elif mask is not None and not {"id", "*"} & mask.keys():
        reason = "the id must be among the fields wanted: changes are merged by it"
    elif not sink.exists():
        reason = "there is no file yet that could be brought up to date"
    if reason is not None:
        raise DestinationError(f"{name}: since: {reason}")


async def update(
    client: Client,
    plan: Plan,
    desk: Desk,
    since: dt.datetime,
    progress: Callable[[Report], object] | None,
) -> None:
    """Fetch what has changed since a date, and write the file anew with it.

    Everything that is there throughout will be in it: what has come without a date of change, as
    what was private before, is found by the ids of all, with the dates when they were written. What
    is gone is taken out.
    """
    sink, operation = desk.sink, plan.call.operation
    assert isinstance(sink, FileSink)
    assert operation.changed is not None
    known: set[str] = set()
    await desk.do(lambda: known.update(key for key, _ in sink.previous()))
    with Changes.beside(sink.checkpoint) as changes:

        async def take(batch: Batch[Lines], new: list[int]) -> None:
            desk.tally.add(pages=1, total=batch.total)
            await desk.do(lambda: changes.add(batch, new))
            desk.tally.note(changed=len(changes.places))
            if progress is not None:
                progress(desk.tally.report)

        size = max(page_size(plan.call), PAGE_SIZE)
        call = plan.wide(operation.changed).with_query(sort=operation.changed.sort)
        fetch = fetcher(client, call, plan.reader(operation.changed))
        stretches = backwards(fetch, len(known), operation=operation.id, size=size, low=since)
        async with aclosing(stretches):
            async for _, batch in stretches:
                new = [at for at, date in enumerate(batch.dates) if date >= since]
                await take(batch, [at for at in new if batch.ids[at] not in changes.places])
        watch = Watch(operation.changed.written or operation.changed.date, since)
        walk = stable_walk(client, plan.wide(), plan.reader(), watch=watch)
        order = await walk.order(desk.tally.report.total or 0)
        # What was written without a new date of change is as good as missing.
        walk.seen.ids |= (known - watch.found) | changes.places.keys()
        async with aclosing(walk.missing(order)) as missing:
            async for batch, new in missing:
                await take(batch, new)
        desk.tally.note(missed=walk.missed)
        await desk.do(lambda: _merge(sink, changes, order.ids, desk))
    gap = f"what changed before {since:%Y-%m-%d %H:%M} UTC is as it was: a later date was given"
    has_gap = desk.journal is not None and desk.journal.has_gap
    desk.tally.note(complete=True, reason=gap if has_gap else None)
    await desk.finish()


@define
class Changes:
    """Items that have changed, kept in a file that nobody else sees.

    Attributes:
        places: The id of each -> where it is in the file.
    """

    _file: BinaryIO
    places: dict[str, tuple[int, int]] = field(factory=dict[str, tuple[int, int]])

    @classmethod
    @contextmanager
    def beside(cls, path: Path) -> Generator[Self]:
        """Changes on the disk of another file."""
        with tempfile.TemporaryFile(dir=path.parent) as file:
            yield cls(file)

    def add(self, batch: Batch[Lines], new: list[int]) -> None:
        """Keep some items of a page."""
        for place in new:
            key, line = batch.ids[place], batch.page[place]
            if key is not None:
                self.places[key] = (self._file.seek(0, os.SEEK_END), len(line))
                self._file.write(line)

    def take(self, key: str) -> bytes:
        """Hand out an item, which is then no longer here."""
        offset, length = self.places.pop(key)
        self._file.seek(offset)
        return self._file.read(length)


def _merge(sink: FileSink, changes: Changes, there: list[str], desk: Desk) -> None:
    """Write the previous file anew, with what has changed, and without what is gone."""
    rows: list[Any] = []
    items = removed = 0
    still = {*there, *changes.places}

    def write(row: Any) -> None:
        nonlocal items
        if desk.stopping.is_set():
            raise InterruptedError("the harvest was stopped")
        items += 1
        rows.append(row)
        if len(rows) == _TOGETHER:
            sink.write_rows(rows)
            rows.clear()
            if items % (COMMIT * _TOGETHER) == 0:
                sink.commit()

    sink.open(None)
    for key, row in sink.previous():
        if key in changes.places:
            write(*sink.rows([changes.take(key)]))
        elif key in still:
            write(row)
        else:
            removed += 1
    # What is new, in the order of creation.
    for key in (*there, *changes.places):
        if key in changes.places:
            write(*sink.rows([changes.take(key)]))
    sink.write_rows(rows)
    desk.tally.note(items=items, removed=removed)
