"""A walk over a list that moves meanwhile, of which nothing is lost and nothing comes twice.

What comes and goes shifts what is behind it, so that a page repeats items of the one before, or
lacks items that have just gone there. :class:`StableWalk` therefore has a second look. While a fast
walk reads the pages in the order of creation, it reads the ids alone, from the end to the start, in
long stretches that overlap (:func:`backwards`). A stretch that goes beyond the date at which the
one after it begins joins it: nothing that was there throughout can be between them, whatever has
come, changed or gone meanwhile. What the fast walk has missed is then looked for, and fetched.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from itertools import count, pairwise
from typing import Any, Generic

from attrs import define, field, frozen

from .errors import NotFoundError, OrderError
from .walk import Batch, Fetch, PageT, Seen, Start, outcome, walk

STRETCH = 1000
"""Items a page when only their ids are asked for."""

OVERLAP = 50
"""Items at most that one stretch has in common with the next, unless something comes between."""

WINDOW = 100
"""Items a page where one is fetched whose place is known: others that are missing may be near."""

STUCK = 30
"""How often something may come between before longer stretches are tried."""

TRIES = 50
"""How often an item that was missed is looked for."""


async def backwards(
    fetch: Fetch[PageT],
    end: int,
    *,
    operation: str,
    size: int,
    low: dt.datetime | None = None,
    high: dt.datetime | None = None,
) -> AsyncGenerator[tuple[int, Batch[PageT]]]:
    """Stretches of a list from its end to its start, with all that is there throughout in them.

    With each comes how many items are before it in the list. They are not of one moment, nor do
    they fit together exactly: each has some items of the one before it, and may have some that have
    come since.

    Args:
        fetch: Fetches a page and its dates, upwards.
        end: Where the list ends, or what is before ``high``, as far as is known.
        operation: The id of the operation, for errors.
        size: How many items a stretch has at most.
        low: The date of the first items that are wanted; those of all when None.
        high: The date of the first items that are not wanted any more likewise.

    Raises:
        OrderError: The items are not sorted by these dates, or too many are of one date.
    """
    bound, is_limited, tries = high, False, 0
    while True:
        tries += 1
        if tries > STUCK and is_limited:
            raise OrderError(operation, f"moves a lot, or has more than {size} items of {bound}")
        if tries > STUCK:  # All of one date, within which there is no order.
            size, tries = 2 * size, 0
        number, wanted = _stretch(end, size)
        overlap = min(OVERLAP, max(size // 8, 2))
        try:
            batch = await fetch(number, wanted)
        except NotFoundError:
            if number == 1:
                raise
            batch = None
        if batch is None or (not batch.ids and number > 1):
            end = (number - 1) * wanted  # The list has shrunk.
            continue
        dates = batch.dates
        if any(later < earlier for earlier, later in pairwise(dates)):
            raise OrderError(operation, "does not come by creation or change, as asked for")
        if batch.size < wanted:  # The portal makes no pages as long as that.
            size, is_limited = batch.size, True
        elif batch.has_more and (bound is None or dates[-1] <= bound):
            # Something has come between, there are others of one date, or the end was not known.
            further = overlap if bound is not None and dates[-1] == bound else size // 2
            end = max(number * wanted + further, batch.total if bound is None else 0)
        elif number > 1 and bound is not None and dates[0] >= bound:
            end = (number - 1) * wanted + overlap  # Much has gone, or the end was not known.
        else:
            yield (number - 1) * wanted, batch
            if number == 1 or (low is not None and dates[0] < low):
                return
            bound, tries = dates[0], 0
            end = (number - 1) * wanted + overlap


@frozen
class Order:
    """All items that are there throughout, in their order.

    Attributes:
        ids: Their ids.
        dates: By what they are sorted.
        place: How many are before them in the list.
    """

    ids: list[str]
    dates: list[dt.datetime]
    place: int


@define
class StableWalk(Generic[PageT]):
    """A walk in the order of creation that yields everything that is there throughout, once.

    Attributes:
        operation: The id of the operation, for errors.
        start: Starts a task.
        fetch: Fetches a page, in the order of creation; with its dates if there are limits.
        look: Fetches the ids and dates of a page, in the same order.
        low: The date of creation from which on items are wanted; from the first when None.
        high: The date before which they are wanted; to the last when None.
        seen: What has been yielded, by this walk or by one that it continues.
        missed: How many items the fast walk did not see.
    """

    operation: str
    start: Start
    fetch: Fetch[PageT]
    look: Fetch[Any]
    low: dt.datetime | None = None
    high: dt.datetime | None = None
    seen: Seen = field(factory=Seen)
    missed: int = 0

    async def batches(
        self, *, first: int = 1, concurrency: int = 1, end: int = 0
    ) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        """Pages in order, then pages with what was missed; with each, which items are new.

        Args:
            first: The page to start at, when what comes before it has been seen or is not wanted.
            concurrency: How many pages may be under way at once, besides the one of ids.
            end: Where what is before ``high`` ends, as far as is known.

        Raises:
            OrderError: The portal does not sort by creation, hence something may be missing.
        """
        check: asyncio.Task[Order] | None = None
        try:
            batches = walk(
                self.start,
                self.fetch,
                first=first,
                end=end if self.high is not None else None,
                concurrency=concurrency,
            )
            async with aclosing(batches):
                try:
                    async for batch in batches:
                        if first == 1 and check is None and not batch.has_more:
                            yield batch, self._new(batch)
                            return  # One page is of one moment.
                        if check is None:
                            check = self.start(self.order(end or batch.total))
                        yield batch, self._new(batch)
                except NotFoundError:
                    if first == 1:
                        raise
            order = await (outcome(check) if check else self.order(end))
        finally:
            if check is not None:
                check.cancel()
        async with aclosing(self.missing(order)) as missing:
            async for found in missing:
                yield found

    async def order(self, end: int) -> Order:
        """What is there throughout, in the order of creation.

        Args:
            end: Where the list ends, or what is before ``high``, as far as is known.

        Raises:
            OrderError: The portal does not sort by creation.
        """
        ids, dates = list[str](), list[dt.datetime]()  # From the last to the first.
        before, bound, ties = 0, self.high, set[str]()
        sights = backwards(
            self.look, end, operation=self.operation, size=STRETCH, low=self.low, high=self.high
        )
        async with aclosing(sights):
            async for place, sight in sights:
                stretch = list(zip(sight.ids, sight.dates, strict=True))
                for key, date in reversed(stretch):
                    # What is new behind something known has not been there throughout.
                    is_behind = bound is not None and date > bound
                    if key is None or key in ties or is_behind or not self._is_wanted(date):
                        continue
                    ids.append(key)
                    dates.append(date)
                before = place + sum(self._is_early(date) for date in sight.dates)
                bound = sight.dates[0] if stretch else None
                ties = {key for key, date in stretch if key is not None and date == bound}
        ids.reverse()
        dates.reverse()
        return Order(ids, dates, before)

    async def missing(self, order: Order) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        """Pages with what is in an order and has not been seen; with each, which items are new.

        Raises:
            OrderError: Something cannot be found again, although it did not go.
        """
        missing = {
            key: (date, order.place + rank)
            for rank, (key, date) in enumerate(zip(order.ids, order.dates, strict=True))
            if key not in self.seen.ids
        }
        for key, (date, place) in missing.items():
            at: int | None = place
            for tries in count():
                if key in self.seen.ids:
                    break
                if tries == TRIES:
                    raise OrderError(self.operation, f"does not answer {key} where it is")
                if tries and (at := await self._find(key, date, place)) is None:
                    break  # It has gone.
                number, size = _window(at or 0, min(WINDOW << tries, STRETCH))
                with suppress(NotFoundError):
                    batch = await self.fetch(number, size)
                    # Only what is missing: the rest is no more than what has just been created.
                    wanted = [one if one in missing else None for one in batch.ids]
                    new = [at for at in self.seen.new(wanted) if wanted[at] is not None]
                    self.missed += len(new)
                    if new:
                        yield batch, new

    async def _find(self, key: str, date: dt.datetime, place: int) -> int | None:
        """How many items are before one in the list; None if it has gone."""
        size, longest = STRETCH, sys.maxsize
        for _ in range(TRIES):
            number, wanted = _window(place, size)
            try:
                sight = await self.look(number, wanted)
            except NotFoundError:
                place = max(place - wanted, 0)
                continue
            if sight.size < wanted:  # The portal makes no pages as long as that.
                longest = size = sight.size
                continue
            start = (number - 1) * wanted
            if key in sight.ids:
                return start + sight.ids.index(key)
            if sight.dates and sight.dates[-1] <= date and sight.has_more:
                place = start + wanted
            elif number > 1 and (not sight.dates or sight.dates[0] >= date):
                place = start
            else:
                return None
            size = min(2 * size, longest)  # It may be among many of one date.
        raise OrderError(self.operation, f"has too many items of {date}")

    def _new(self, batch: Batch[PageT]) -> list[int]:
        if self.low is None and self.high is None:
            return self.seen.new(batch.ids)
        inside = [self._is_wanted(date) for date in batch.dates]
        known = [key if one else None for key, one in zip(batch.ids, inside, strict=True)]
        return [place for place in self.seen.new(known) if inside[place]]

    def _is_wanted(self, date: dt.datetime) -> bool:
        return not self._is_early(date) and (self.high is None or date < self.high)

    def _is_early(self, date: dt.datetime) -> bool:
        return self.low is not None and date < self.low


def _stretch(end: int, longest: int) -> tuple[int, int]:
    """The number and size of a page that ends at a place of a list, or after, and begins early."""
    if end <= longest:
        return 1, longest
    sizes = range(longest // 2 + 1, longest + 1)
    size = min(sizes, key=lambda size: (end - 1) // size * size)
    return (end - 1) // size + 1, size


def _window(place: int, longest: int) -> tuple[int, int]:
    """The number and size of a page that has a place of the list about in its middle."""
    sizes = range(longest // 2 + 1, longest + 1)
    size = min(sizes, key=lambda size: abs(place % size / size - 0.5))
    return place // size + 1, size
