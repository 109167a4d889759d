"""Lists that come in pages: await one page, or iterate over all that there is."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from . import answers
from .errors import NotFoundError
from .types import UNSET

if TYPE_CHECKING:
    from .client import Client
    from .operation import Call

PAGE_SIZE = 100
"""Items a page when walking a whole list; alone, a page has the portal's own default."""

Item = TypeVar("Item")


class Page(Protocol):
    """What every page of a list has."""

    data: list[Any]
    page: int
    page_size: int
    total: int
    next_page: str | None


PageT = TypeVar("PageT", bound=Page)


class Paginator(Generic[PageT, Item]):
    """A list that the portal hands out in pages. Nothing is sent before it is awaited or iterated.

    >>> page = await datasets.list_datasets(client, q="vélo")          # one page
    >>> async for dataset in datasets.list_datasets(client): ...       # every item of all pages
    >>> async for page in datasets.list_datasets(client).pages(): ...  # every page

    Both ways start at the ``page`` asked for, the first one by default.
    """

    def __init__(self, client: Client, call: Call, page: type[PageT]) -> None:
        self._client = client
        self._call = call
        self._page = page

    def __repr__(self) -> str:
        return f"<Paginator of {self._call.operation.id}>"

    def __await__(self) -> Generator[Any, None, PageT]:
        return self._fetch(self._call).__await__()

    def __aiter__(self) -> AsyncIterator[Item]:
        return self.items()

    async def pages(self, *, concurrency: int = 1) -> AsyncGenerator[PageT]:
        """All pages, in order, each of 100 items unless ``page_size`` was given.

        Args:
            concurrency: How many pages may be under way at once; no more are held in memory.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}: at least 1 page must be under way")
        start = last = number = self._start()
        ahead: deque[asyncio.Task[PageT]] = deque()
        try:
            while number <= last or ahead:
                while number <= last and len(ahead) < concurrency:
                    ahead.append(self._client.start(self._fetch(self._numbered(number))))
                    number += 1
                try:
                    page = await ahead.popleft()
                except NotFoundError:
                    if number == start + 1:
                        raise
                    return  # The list has shrunk: a page past its end is a 404.
                yield page
                if not page.next_page:
                    return
                last = math.ceil(page.total / max(page.page_size, 1))
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def items(self, *, concurrency: int = 1) -> AsyncGenerator[Item]:
        """All items of all pages, in order.

        The portal's lists move while they are walked: what is created meanwhile pushes items to the
        next page, where they come again. An item with an ``id`` is yielded once.
        """
        seen: set[str] = set()
        async with aclosing(self.pages(concurrency=concurrency)) as pages:
            async for page in pages:
                for item in page.data:
                    key = getattr(item, "id", UNSET)
                    if isinstance(key, str):
                        if key in seen:
                            continue
                        seen.add(key)
                    yield item

    async def _fetch(self, call: Call) -> PageT:
        return await answers.json(self._client, call, self._page)

    def _start(self) -> int:
        page = self._call.query.get("page")
        return page if isinstance(page, int) else 1

    def _numbered(self, number: int) -> Call:
        size = self._call.query.get("page_size") or PAGE_SIZE
        return self._call.with_query(page=number, page_size=size)
