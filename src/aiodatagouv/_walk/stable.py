"""The stable walk: misses and repeats no item, although the list changes while it is read.

An item that is created or deleted shifts all items behind it. A page then repeats items of the page
before, or lacks items that have just moved there. :class:`StableWalk` therefore reads the list
twice. While a fast walk reads the pages in order of creation, the inventory reads only the ids,
from the end of the list to its start, in long pages that overlap: the stretches of
:func:`backwards`. Two stretches are joined when the earlier one reaches the first date of the
later one. No item that exists throughout can then be between them, whatever is created, changed or
deleted meanwhile. Items that the fast walk has missed are looked up and fetched at the end.

If broken items are left out (:mod:`.narrowing`), the inventory decides which are named: an item
that the portal cannot send is a missing one that cannot be fetched. Its id can usually be read. If
its date cannot, it takes the date of the item before it, which is not later than its own. So a
stretch never seems to reach further than it does, at neither end, and joining stretches by their
dates stays right. A stretch that is read in pieces is read until it is as at one moment.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from itertools import count, pairwise
from typing import Any, Generic

from attrs import define, field

from ..errors import NotFoundError, OrderError
from .inventory import Inventory, Stretch
from .pages import Batch, Fetch, PageT, Start, outcome, walk
from .seen import Seen
from .skipped import Distinct, Skipped

STRETCH = 1000
"""Items a page when only ids are read."""

OVERLAP = 50
"""Items that a stretch usually shares with the next one."""

WINDOW = 100
"""Items a page when a missing item is fetched: other missing items may be near it."""

LONGEST = 50_000
"""Items of the longest page that is asked for, for items of one date."""

STUCK = 30
"""Attempts to join two stretches before longer stretches are tried."""

TRIES = 50
"""Attempts to find or fetch a missing item."""


async def backwards(
    fetch: Fetch[PageT],
    end: int,
    *,
    operation: str,
    size: int,
    low: dt.datetime | None = None,
    high: dt.datetime | None = None,
) -> AsyncGenerator[tuple[int, Batch[PageT]]]:
    """Iterate over the stretches of a list, from its end to its start.

    Together they hold every item that exists throughout. They are read at different moments, so
    they do not fit together exactly: a stretch shares some items with the one yielded before it,
    and may have items created since.

    Args:
        fetch: Fetches a page with its dates, in ascending order.
        end: The number of items before ``high``, or of all items if None; an estimate is enough.
        operation: The name of the operation, for errors.
        size: The most items in a stretch.
        low: The least date wanted; None to read to the start of the list.
        high: The date before which items are wanted; None to read from the end of the list.

    Yields:
        The offset of a stretch in the list, and the stretch.

    Raises:
        OrderError: The items are not sorted by these dates, too many have the same date, or the
            list changes too often.
    """
    bound, is_limited, tries = high, False, 0  # The bound is the date that a stretch must reach.
    while True:
        tries += 1
        if tries > STUCK and (is_limited or size >= LONGEST):
            reason = f"changes too often, or has more than {size} items dated {bound}"
            raise OrderError(operation, reason)
        if tries > STUCK:  # Items of one date have no order, so one stretch must hold them all.
            size, tries = 2 * size, 0
        number, page_size = _page_before(end, size)
        overlap = min(OVERLAP, max(size // 8, 2))
        try:
            batch = await fetch(number, page_size)
        except NotFoundError:
            if number == 1:
                raise
            batch = None
        if batch is None or (not batch.ids and number > 1):
            end = (number - 1) * page_size  # The list has shrunk.
            continue
        dates = batch.dates
        if any(later < earlier for earlier, later in pairwise(dates)):
            raise OrderError(operation, "is not sorted by date as requested")
        if batch.size < page_size:  # The portal limits the page size.
            size, is_limited = batch.size, True
        elif batch.has_more and (bound is None or dates[-1] <= bound):
            # It ends too early: items were created or share a date, or the end was unknown.
            further = overlap if bound is not None and dates[-1] == bound else size // 2
            end = max(number * page_size + further, batch.total if bound is None else 0)
        elif number > 1 and bound is not None and dates[0] >= bound:
            # It starts too late: items were deleted, or the end was unknown.
            end = (number - 1) * page_size + overlap
        else:
            yield (number - 1) * page_size, batch
            if number == 1 or (low is not None and dates[0] < low):
                return
            bound, tries = dates[0], 0
            end = (number - 1) * page_size + overlap


@define
class StableWalk(Generic[PageT]):
    """A walk in order of creation that yields every item that exists throughout exactly once.

    Attributes:
        operation: The name of the operation, for errors.
        start: Starts a task.
        fetch: Fetches a page in order of creation, with its dates if ``low`` or ``high`` is given.
        fetch_ids: Fetches the ids and dates of a page, in the same order.
        low: The least date of creation wanted, if any.
        high: The date of creation before which items are wanted, if any.
        seen: The ids of the items that this walk, or one that it resumes, has yielded.
        missed: The number of items that the fast walk missed and :meth:`missing` has fetched.
        suspects: The ids of the items that the fast walk has skipped.
        skipped: The items that the portal cannot send, once :meth:`missing` has ended.
    """

    operation: str
    start: Start
    fetch: Fetch[PageT]
    fetch_ids: Fetch[Any]
    low: dt.datetime | None = None
    high: dt.datetime | None = None
    seen: Seen = field(factory=Seen)
    missed: int = 0
    suspects: set[str] = field(factory=set[str])
    skipped: list[Skipped] = field(factory=list[Skipped])

    async def batches(
        self, *, first: int = 1, concurrency: int = 1, end: int = 0
    ) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        """Iterate over the pages in order, then over pages with the items that were missed.

        Args:
            first: The number of the first page; items before it were seen or are not wanted.
            concurrency: The most pages in flight at once, besides one of ids.
            end: The number of items before ``high``, or of all items; an estimate, 0 if unknown.

        Yields:
            A page, and the indexes in it of the items that are wanted and new.

        Raises:
            OrderError: The inventory or a missing item could not be read.
            NotFoundError: The list does not exist.
            RuntimeError: The client was closed during the walk.
        """
        check: asyncio.Task[Inventory] | None = None
        last = None if self.high is None else end
        try:
            batches = walk(self.start, self.fetch, first=first, end=last, concurrency=concurrency)
            async with aclosing(batches):
                try:
                    async for batch in batches:
                        self.suspects.update(one.id for one in batch.skipped if one.id)
                        if first == 1 and check is None and not batch.has_more and batch.is_whole:
                            yield batch, self._new(batch)
                            return  # A single page cannot miss an item.
                        if check is None:
                            check = self.start(self.inventory(end or batch.total))
                        yield batch, self._new(batch)
                except NotFoundError:
                    if first == 1:
                        raise
            inventory = await (outcome(check) if check else self.inventory(end))
        finally:
            if check is not None:
                check.cancel()
        async with aclosing(self.missing(inventory)) as missing:
            async for found in missing:
                yield found

    async def inventory(self, end: int) -> Inventory:
        """Read the ids and dates of the items that exist throughout.

        Args:
            end: The number of items before ``high``, or of all items; an estimate is enough.

        Raises:
            OrderError: See :func:`backwards`.
        """
        packed = list[Stretch]()  # From the last one to the first.
        before, bound, ties = 0, self.high, set[str]()
        broken = Distinct()
        stretches = backwards(
            self.fetch_ids,
            end,
            operation=self.operation,
            size=STRETCH,
            low=self.low,
            high=self.high,
        )
        async with aclosing(stretches):
            async for offset, batch in stretches:
                stretch = list(zip(batch.ids, batch.dates, strict=True))
                lost = {one.offset - offset: one for one in batch.skipped}
                # The next stretch has those at the start, with the date of the item before them.
                start = next(place for place in count() if not offset or place not in lost)
                if start and start == len(stretch):
                    raise OrderError(self.operation, f"has no dates at offset {offset}")
                found = list[tuple[str, dt.datetime]]()
                for place in reversed(range(start, len(stretch))):
                    key, date = stretch[place]
                    # The stretch read before covers later dates: here, they are repeated or new.
                    is_later = bound is not None and date > bound
                    if key in ties or is_later or not self._is_wanted(date):
                        continue
                    if place in lost and not broken.add(lost[place]):
                        continue  # The dates of broken items may differ between stretches.
                    if key is not None:
                        found.append((key, date))
                packed.append(Stretch.of(found[::-1]))
                before = offset + sum(self._is_early(date) for date in batch.dates)
                bound = batch.dates[0] if stretch else None
                ties = {key for key, date in stretch[start:] if key and date == bound}
                broken.end_stretch()
        return Inventory(packed[::-1], before, broken.items[::-1])

    async def missing(self, inventory: Inventory) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        """Fetch the items of an inventory that have not been seen.

        Yields:
            A page, and the indexes in it of those items.

        Raises:
            OrderError: An item that still exists could not be fetched.
        """
        self.skipped = [one for one in inventory.skipped if one.id is None]
        named = set[str]()
        missing = {
            key: (date, offset)
            for offset, (key, date) in enumerate(inventory, start=inventory.offset)
            if key not in self.seen.ids
        }
        for key, (date, expected) in missing.items():
            for tries in range(TRIES + 1):
                if key in self.seen.ids or key in named:
                    break
                if tries == TRIES:
                    raise OrderError(self.operation, f"changes too often to fetch {key}")
                offset = await self._find(key, date, expected) if tries else expected
                if offset is None:
                    break  # It was deleted.
                number, size = _page_around(offset, min(WINDOW << tries, STRETCH))
                if key in self.suspects:  # It is asked for again, now alone.
                    number, size = offset + 1, 1
                with suppress(NotFoundError):
                    batch = await self.fetch(number, size)
                    # Other items that were not seen are new: they do not exist throughout.
                    wanted = [one if one in missing else None for one in batch.ids]
                    new = [index for index in self.seen.new(wanted) if wanted[index] is not None]
                    self.missed += len(new)
                    for one in batch.skipped:
                        if one.id in missing and one.id not in self.seen.ids | named:
                            named.add(one.id)
                            self.skipped.append(inventory.skip(one.id, one.offset))
                    if new:
                        yield batch, new

        self.skipped.sort(key=lambda one: one.offset)

    async def _find(self, key: str, date: dt.datetime, offset: int) -> int | None:
        """Find the offset of an item in the list, near the one expected; None if it was deleted."""
        size, longest = STRETCH, sys.maxsize
        for _ in range(TRIES):
            number, page_size = _page_around(offset, size)
            try:
                batch = await self.fetch_ids(number, page_size)
            except NotFoundError:
                offset = max(offset - page_size, 0)
                continue
            if batch.size < page_size:  # The portal limits the page size.
                longest = size = batch.size
                continue
            start = (number - 1) * page_size
            if key in batch.ids:
                return start + batch.ids.index(key)
            if batch.dates and batch.dates[-1] <= date and batch.has_more:
                offset = start + page_size
            elif number > 1 and (not batch.dates or batch.dates[0] >= date):
                offset = start
            else:
                return None
            size = min(2 * size, longest)  # Many items may have the same date.
        raise OrderError(self.operation, f"changes too often, or has too many items dated {date}")

    def _new(self, batch: Batch[PageT]) -> list[int]:
        """The indexes of the items of a page that are wanted and new."""
        if self.low is None and self.high is None:
            return self.seen.new(batch.ids)
        inside = [self._is_wanted(date) for date in batch.dates]
        wanted = [key if one else None for key, one in zip(batch.ids, inside, strict=True)]
        return [index for index in self.seen.new(wanted) if inside[index]]

    def _is_wanted(self, date: dt.datetime) -> bool:
        return not self._is_early(date) and (self.high is None or date < self.high)

    def _is_early(self, date: dt.datetime) -> bool:
        return self.low is not None and date < self.low


def _page_before(end: int, longest: int) -> tuple[int, int]:
    """The number and size of the page that ends at an offset or after, and starts the earliest."""
    if end <= longest:
        return 1, longest
    sizes = range(longest // 2 + 1, longest + 1)
    size = min(sizes, key=lambda size: (end - 1) // size * size)
    return (end - 1) // size + 1, size


def _page_around(offset: int, longest: int) -> tuple[int, int]:
    """The number and size of a page with an offset of the list about in its middle."""
    sizes = range(longest // 2 + 1, longest + 1)
    size = min(sizes, key=lambda size: abs(offset % size / size - 0.5))
    return offset // size + 1, size
