"""The tolerant walk: a stable one, or one in the portal's own order if that is all there is.

Older releases of udata do not know every sort order, and answer 400. Such a list is read as it
comes: every item once, but one that moves meanwhile may be missed, which only the number of items
can show.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Generic

from attrs import define

from ..errors import NotFoundError, UnknownOrderError
from .pages import Batch, Fetch, PageT, walk
from .stable import StableWalk

_log = logging.getLogger("aiodatagouv")


@define
class TolerantWalk(Generic[PageT]):
    """A stable walk that continues unsorted if the portal does not know the sort order.

    Attributes:
        stable: The stable walk.
        fetch: Fetches a page in the portal's own order; None if that must not replace the other.
        is_unsorted: Whether the portal has refused the sort order, and its own is read.
    """

    stable: StableWalk[PageT]
    fetch: Fetch[PageT] | None
    is_unsorted: bool = False

    async def batches(
        self, *, first: int = 1, concurrency: int = 1, end: int = 0
    ) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        """Iterate as :meth:`StableWalk.batches` does, with the same arguments.

        Raises:
            UnknownOrderError: The portal does not know the sort order; raised at the end, after
                all items, if they are read in the portal's own order.
            OrderError, NotFoundError, RuntimeError: See there.
        """
        has_begun = False
        try:
            batches = self.stable.batches(first=first, concurrency=concurrency, end=end)
            async with aclosing(batches):
                async for found in batches:
                    has_begun = True
                    yield found
        except UnknownOrderError as error:
            if self.fetch is None or has_begun:
                raise
            refusal = error
        else:
            return
        name, problem = refusal.operation, refusal.problem
        fields = {"event": "unsorted", "operation": name, "problem": problem}
        line = "%s: the list %s: it is read in the portal's own order"
        _log.info(line, name, problem, extra=fields)
        self.is_unsorted = True
        pages = walk(self.stable.start, self.fetch, first=first, concurrency=concurrency)
        try:
            async with aclosing(pages):
                async for batch in pages:
                    yield batch, self.stable.seen.new(batch.ids)
        except NotFoundError:
            if first == 1:
                raise
        raise refusal
