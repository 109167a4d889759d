"""The changes of a list since a date, and the ids of all its items."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from attrs import define, evolve, field

from ..._walk.inventory import Inventory
from ..._walk.listing import PAGE_SIZE, Watch
from ..._walk.pages import Batch
from ..._walk.skipped import Skipped
from ..._walk.stable import StableWalk, backwards
from ..._walk.visibility import Mark
from ...errors import OrderError, UnknownOrderError
from ...operation import Order
from .._lines.lines import Lines
from ..plan import Plan

_log = logging.getLogger("aiodatagouv")


@define
class ChangeWalk:
    """A walk over the items of a list that were changed, written or shown since a date.

    Attributes:
        plan: The plan of the list or of a part, which has the orders of creation and of changes.
            Of the part of a list, changes of items of other parts may be yielded as well.
        since: The least date of the changes wanted.
        known: The ids of the items that an earlier walk has found.
        anew: The advice for a list that is not sorted by creation.
        stale: The ids of the items to be fetched whatever their dates.
        fetched: The ids of the items that were yielded.
        dated: The ids of those that were found by their dates of change.
        ids: The ids of all items, in order of creation, once the walk has ended.
        marks: The id of each item that is private, deleted or archived -> its marks.
        missed: The number of items that were found by their ids alone.
        skipped: The items that the portal cannot send.
        unsorted: Why changes were found by their dates alone, if they were.
        unknown_order: The sort order by changes, if the portal does not know it.
        total: The number of items that the list had at last; None until a page has told it.
    """

    plan: Plan
    since: dt.datetime
    known: set[str]
    anew: str
    stale: set[str] = field(factory=set[str])
    fetched: set[str] = field(factory=set[str])
    dated: set[str] = field(factory=set[str])
    ids: list[str] = field(factory=list[str])
    marks: dict[str, tuple[Mark, ...]] = field(factory=dict[str, tuple[Mark, ...]])
    missed: int = 0
    skipped: tuple[Skipped, ...] = ()
    unsorted: str | None = None
    unknown_order: str | None = None
    total: int | None = None

    @property
    def present(self) -> set[str]:
        """The ids of the items that exist."""
        return {*self.ids, *self.fetched}

    async def batches(self) -> AsyncGenerator[tuple[Batch[Lines], list[int]]]:
        """Iterate over the changes, in order of changes from the end, then of creation.

        Items that appeared without a date of change, such as those that were private before, and
        items of ``known`` that no longer exist are found by reading all ids with the dates of the
        last write.

        Yields:
            A page, and the indexes in it of the items that are wanted and new.

        Raises:
            OrderError: The portal does not sort the list by creation.
        """
        plan, part, order = self.plan, self.plan.part, self.plan.listing.call.operation.changed
        assert order is not None
        end = len(self.known) + (part.start if part else 0)
        try:
            async with aclosing(latest(plan, order, end, self.since)) as pages:
                async for batch in pages:
                    self.stale.update(one.id for one in batch.skipped if one.id)
                    yield self._seen(batch, self._changed(batch))
        except OrderError as error:
            self.unsorted = f"changes were found by their dates alone: the list {error.problem}"
            name = plan.listing.call.operation.name
            fields = {"event": "unsorted", "operation": name, "problem": error.problem}
            _log.info("%s: %s", name, self.unsorted, extra=fields)
            if isinstance(error, UnknownOrderError):
                self.unknown_order = order.sort
        self.dated = {*self.fetched}
        watch = Watch(order.dates, self.since, plan.listing.marking)
        low, high = (part.low, part.high) if part else (None, None)
        walk = plan.listing.stable_walk(plan.reader(), low=low, high=high, watch=watch)
        inventory = await self._inventory(walk, end if part else self.total or end)
        self.ids, self.marks, self.total = inventory.ids, watch.marks, watch.total
        # An item that was written without a new date of change counts as missing; so does one that
        # could not be sent, by an earlier update or now, or whose dates cannot.
        walk.suspects |= self.stale
        self.stale.update(one.id for one in inventory.skipped if one.id)
        walk.seen.ids |= (self.known - watch.found - self.stale) | self.fetched
        async with aclosing(walk.missing(inventory)) as missing:
            async for batch, new in missing:
                yield self._seen(batch, new)
        self.missed, self.skipped = walk.missed, tuple(walk.skipped)

    def _changed(self, batch: Batch[Lines]) -> list[int]:
        """The indexes of the items of a page that were changed since the date, and are new."""
        part = self.plan.part
        has_new = part is None or part.high is None  # New items are in the last part.
        return [
            index
            for index, (key, date) in enumerate(zip(batch.ids, batch.dates, strict=True))
            if date >= self.since and key not in self.fetched and (has_new or key in self.known)
        ]

    def _seen(self, batch: Batch[Lines], new: list[int]) -> tuple[Batch[Lines], list[int]]:
        self.total = batch.total
        self.fetched.update(key for index in new if (key := batch.ids[index]) is not None)
        return batch, new

    async def _inventory(self, walk: StableWalk[Lines], end: int) -> Inventory:
        try:
            return await walk.inventory(end)
        except OrderError as error:
            raise OrderError(error.operation, error.problem, self.anew) from error


async def latest(
    plan: Plan, order: Order, end: int, since: dt.datetime
) -> AsyncGenerator[Batch[Lines]]:
    """Iterate over the pages of a list in order of changes, from the end until a date.

    Older releases sort by the date of the last write instead; so that is tried next. Whatever the
    portal sorts by, the second pass of an update finds what is not on these pages.

    Raises:
        OrderError: The portal does not sort the list by changes.
    """
    if plan.part is not None and plan.part.changes is not None:
        async for batch in plan.part.changes.batches(plan.listing.call.operation.name):
            yield batch
        return
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
