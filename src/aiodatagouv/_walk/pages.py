"""A walk over the pages of a list: in order, with several requests in flight at once."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from .._checks import check_count
from ..errors import DecodeError, NotFoundError
from .skipped import Skipped
from .visibility import Mark

PageT = TypeVar("PageT")
T = TypeVar("T")

Start = Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]
"""Starts a task that is cancelled when the client is closed."""


_BEYOND = 1000
"""Pages that may come after the last one by the total."""


@frozen
class Batch(Generic[PageT]):
    """A page of a list, with the metadata that a walk needs.

    Attributes:
        page: The decoded page.
        ids: The id of each item, None for an item without one.
        total: The number of items in the whole list.
        size: The number of items a page, the last page aside.
        has_more: Whether further pages follow.
        dates: The date of each item by which the list is sorted; empty unless it was requested.
        skipped: The items of the page that the portal cannot send, and that were left out.
        is_whole: Whether it was received in one answer, and not in pieces.
        marks: Whether each item is private, deleted or archived; empty unless it was requested.
    """

    page: PageT
    ids: list[str | None]
    total: int
    size: int
    has_more: bool
    dates: list[dt.datetime] = field(factory=list[dt.datetime])
    skipped: tuple[Skipped, ...] = ()
    is_whole: bool = True
    marks: list[tuple[Mark, ...]] = field(factory=list[tuple[Mark, ...]])


Fetch = Callable[[int, int | None], Coroutine[Any, Any, Batch[PageT]]]
"""Fetches a page, given its number (from 1) and the items a page (None for the usual number)."""


def check_concurrency(concurrency: int) -> None:
    """Check the number of pages in flight.

    Raises:
        ValueError: It is below 1.
    """
    check_count("concurrency", concurrency)


async def walk(
    start: Start,
    fetch: Fetch[PageT],
    *,
    first: int = 1,
    end: int | None = None,
    concurrency: int = 1,
) -> AsyncGenerator[Batch[PageT]]:
    """Iterate over the pages of a list, in order.

    Args:
        start: Starts the task that fetches a page.
        fetch: Fetches a page.
        first: The number of the first page wanted.
        end: The offset in the list of the first item not wanted; None for the whole list.
        concurrency: The most pages in flight at once. No more are held in memory besides the one
            that is yielded; when 1, the next page is fetched once it is wanted.

    Raises:
        NotFoundError: The first page does not exist.
        DecodeError: The list does not end long after its total.
        RuntimeError: The client was closed during the walk.
        ValueError: ``concurrency`` is below 1.
    """
    check_concurrency(concurrency)
    number, current = first, first - 1
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
            current += 1
            wanted = batch.total if end is None else min(end, batch.total)
            last = -(-wanted // max(batch.size, 1))
            if end is None and batch.has_more and batch.ids and current >= last:
                # The total is too small. It may be wrong, but not by any number.
                if current > 2 * last + _BEYOND:
                    raise DecodeError(
                        f"more after page {current}",
                        path="$.next_page",
                        expected=f"the end of {batch.total} items",
                    )
                last = current + 1
            if batch.has_more and concurrency > 1:  # Fetch while the caller handles this page.
                fetch_until(last)
            yield batch
            if not batch.has_more:
                return
            fetch_until(last)
    finally:
        for task in ahead:
            task.cancel()


async def outcome(task: asyncio.Task[T]) -> T:
    """Await a task.

    Raises:
        RuntimeError: The task was cancelled because the client was closed.
    """
    try:
        return await task
    except asyncio.CancelledError:
        waiting = asyncio.current_task()
        # A cancellation of the waiting task itself is passed on.
        if task.cancelled() and not (waiting and waiting.cancelling()):
            raise RuntimeError("the Client was closed during a walk over a list") from None
        raise
