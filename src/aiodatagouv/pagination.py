"""Lists that come in pages: await one page, or iterate over all that there is."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from . import answers, masks
from ._model import declared
from .decoding import decode, parse
from .errors import NotFoundError
from .types import UNSET

if TYPE_CHECKING:
    from .client import Client
    from .operation import Call
    from .projection import Page, Projection

PAGE_SIZE = 100
"""Items a page when walking a whole list; alone, a page has the portal's own default."""

Item = TypeVar("Item")
T = TypeVar("T")


class AnyPage(Protocol):
    """What every page of a list has."""

    data: list[Any]
    page: int
    page_size: int
    total: int
    next_page: str | None


PageT = TypeVar("PageT", bound=AnyPage)


class Paginator(Generic[PageT, Item]):
    """A list that the portal hands out in pages. Nothing is sent before it is awaited or iterated.

    >>> page = await datasets.list_datasets(client, q="vélo")          # one page
    >>> async for dataset in datasets.list_datasets(client): ...       # every item of all pages
    >>> async for page in datasets.list_datasets(client).pages(): ...  # every page

    Both ways start at the ``page`` asked for, the first one by default.

    Raises:
        MaskError: The fields that are wanted cannot be had.
        ValueError: A parameter is none.
    """

    def __init__(
        self,
        client: Client,
        call: Call,
        page: type[PageT],
        projection: Projection[Item] | None = None,
    ) -> None:
        call.check()
        self._client = client
        self._call = call
        self._page = page
        self._projection = projection

    def __repr__(self) -> str:
        return f"<Paginator of {self._call.operation.id}>"

    def __await__(self) -> Generator[Any, None, PageT]:
        return self._read(self._call).__await__()

    def __aiter__(self) -> AsyncIterator[Item]:
        return self.items()

    def into(self, class_: type[T]) -> Paginator[Page[T], T]:
        """The same list, each item decoded into a class that declares the fields wanted.

        Args:
            class_: An attrs class, dataclass, TypedDict or msgspec Struct. Its fields have the
                API's names or those of the models (``class_`` for ``class``); what is an object
                there is a class likewise, as deep as wanted, or ``dict[str, Any]``. A field that
                may be null says so: ``str | None``. Enums of the API are open: ``str`` or the
                alias of ``aiodatagouv.models``, not a Literal.

        Returns:
            A paginator: only those fields are asked for, and its pages are :class:`Page`.

        Raises:
            MaskError: The items have no such field, or one whose type cannot hold theirs; or
                ``fields`` were given as well.
        """
        from .projection import Page  # Slow to import.

        call, projection = answers.project(self._call, class_)
        return Paginator(self._client, call, Page[T], projection)

    async def pages(self, *, concurrency: int = 1) -> AsyncGenerator[PageT]:
        """All pages, in order, each of 100 items unless ``page_size`` was given.

        Args:
            concurrency: How many pages may be under way at once; no more are held in memory.
        """
        async with aclosing(self._walk(self._call, concurrency)) as walk:
            async for page, _ in walk:
                yield page

    async def items(self, *, concurrency: int = 1) -> AsyncGenerator[Item]:
        """All items of all pages, in order.

        The portal's lists move while they are walked: what is created meanwhile pushes items to the
        next page, where they come again. An item with an ``id`` is yielded once; the ``id`` is
        asked for even when it is not among the fields wanted.
        """
        call = self._keyed()
        seen: set[str] = set()
        async with aclosing(self._walk(call, concurrency)) as walk:
            async for page, content in walk:
                for item, key in zip(page.data, self._keys(page, content), strict=True):
                    if isinstance(key, str):
                        if key in seen:
                            continue
                        seen.add(key)
                    if call is not self._call and self._projection is None:
                        item.id = UNSET
                    yield item

    async def _walk(self, call: Call, concurrency: int) -> AsyncGenerator[tuple[PageT, bytes]]:
        """Each page, and the JSON that it was."""
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}: at least 1 page must be under way")
        start = last = number = self._start()
        ahead: deque[asyncio.Task[tuple[PageT, bytes]]] = deque()
        try:
            while number <= last or ahead:
                while number <= last and len(ahead) < concurrency:
                    ahead.append(self._client.start(self._fetch(_numbered(call, number))))
                    number += 1
                try:
                    page, content = await ahead.popleft()
                except NotFoundError:
                    if number == start + 1:
                        raise
                    return  # The list has shrunk: a page past its end is a 404.
                yield page, content
                if not page.next_page:
                    return
                last = math.ceil(page.total / max(page.page_size, 1))
        finally:
            for task in ahead:
                task.cancel()

    async def _read(self, call: Call) -> PageT:
        page, _ = await self._fetch(call)
        return page

    async def _fetch(self, call: Call) -> tuple[PageT, bytes]:
        return await answers.fetch(self._client, call, self._decode)

    def _decode(self, operation: str, content: bytes) -> tuple[PageT, bytes]:
        if self._projection is None:
            return decode(operation, content, self._page), content
        return cast("PageT", self._projection.page(operation, content)), content

    def _start(self) -> int:
        page = self._call.query.get("page")
        return page if isinstance(page, int) else 1

    def _keyed(self) -> Call:
        """The call, with the ``id`` of each item among the fields wanted if there is one."""
        mask = self._call.mask()
        if mask is None or {"id", "*"} & mask.keys():
            return self._call
        if "id" not in declared(masks.model_of(self._call.operation)):
            return self._call
        return self._call.with_fields(masks.write({**mask, "id": None}))

    def _keys(self, page: PageT, content: bytes) -> list[object]:
        """What tells the items of a page from others."""
        if self._projection is None:
            return [getattr(item, "id", UNSET) for item in page.data]
        # Whatever the class makes of the id, if anything.
        items = parse(self._call.operation.id, content)["data"]
        return [item.get("id") for item in items]


def _numbered(call: Call, number: int) -> Call:
    return call.with_query(page=number, page_size=call.query.get("page_size") or PAGE_SIZE)
