"""A walk over a list that comes in pages: several of them under way at once, in order."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from attrs import define, field, frozen

from .errors import NotFoundError

PageT = TypeVar("PageT")
T = TypeVar("T")

Start = Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]
"""Starts a task, as :meth:`aiodatagouv.Client.start`."""


@frozen
class Batch(Generic[PageT]):
    """A page of a list, as a walk sees it.

    Attributes:
        page: What came.
        ids: What tells its items from others, None where nothing does.
        total: How many items the list has in all.
        size: How many items a page has, the last one aside.
        has_more: Whether this is not the last page.
        dates: By what its items are sorted; empty unless that was asked for.
    """

    page: PageT
    ids: list[str | None]
    total: int
    size: int
    has_more: bool
    dates: list[dt.datetime] = field(factory=list[dt.datetime])


Fetch = Callable[[int, int | None], Coroutine[Any, Any, Batch[PageT]]]
"""Fetches the page of a number, of a size other than usual if one is given."""


async def walk(
    start: Start,
    fetch: Fetch[PageT],
    *,
    first: int = 1,
    end: int | None = None,
    concurrency: int = 1,
) -> AsyncGenerator[Batch[PageT]]:
    """All pages, in order.

    Args:
        start: Starts the task that fetches a page.
        fetch: Fetches a page.
        first: The number of the first page wanted.
        end: How many items of the list, from its start, are wanted; all when None.
        concurrency: How many pages may be under way at once. Besides the one that is looked at, no
            more are held in memory; when 1, the next one is fetched once that is done.

    Raises:
        NotFoundError: There is no list.
        RuntimeError: The client was closed meanwhile.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency is {concurrency}: at least 1 page must be under way")
    number = first
    ahead: deque[asyncio.Task[Batch[PageT]]] = deque()

    def fetch_until(last: int) -> None:
        nonlocal number
        while number <= last and len(ahead) < concurrency:
            ahead.append(start(fetch(number, None)))
            number += 1

    try:
        fetch_until(first)
        while ahead:
            try:
                batch = await outcome(ahead.popleft())
            except NotFoundError:
                if number == first + 1:
                    raise
                return  # The list has shrunk: a page past its end is a 404.
            wanted = batch.total if end is None else min(end, batch.total)
            last = math.ceil(wanted / max(batch.size, 1))
            if batch.has_more and concurrency > 1:  # To look at the page may take a while.
                fetch_until(last)
            yield batch
            if not batch.has_more:
                return
            fetch_until(last)
    finally:
        for task in ahead:
            task.cancel()


async def outcome(task: asyncio.Task[T]) -> T:
    """What a task comes to.

    Raises:
        RuntimeError: It was cancelled, as all are when their client is closed, but nobody has
            cancelled who waits for it.
    """
    try:
        return await task
    except asyncio.CancelledError:
        waiting = asyncio.current_task()
        if task.cancelled() and not (waiting and waiting.cancelling()):
            raise RuntimeError("the Client was closed in the middle of a walk") from None
        raise


@define
class Seen:
    """What has been yielded already."""

    ids: set[str] = field(factory=set[str])

    def new(self, ids: Sequence[str | None]) -> list[int]:
        """Which of these are not among it, by their place; they are from now on."""
        places = []
        for place, key in enumerate(ids):
            if key is not None:
                if key in self.ids:
                    continue
                self.ids.add(key)
            places.append(place)
        return places
