"""Lists that come in pages: await one page, or iterate over all that there is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from . import answers
from .decoding import decode, parse
from .lists import fetcher, first_page, keyed, stable_walk
from .types import UNSET
from .walk import Batch, Seen, walk

if TYPE_CHECKING:
    from .client import Client
    from .operation import Call
    from .projection import Page, Projection

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

    Attributes:
        client: The portal to call.
        call: The call of which a page is answered.
        projection: How items are decoded into a class, None for the models of the API.

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
        self.client = client
        self.call = call
        self._page = page
        self.projection = projection

    def __repr__(self) -> str:
        return f"<Paginator of {self.call.operation.id}>"

    def __await__(self) -> Generator[Any, None, PageT]:
        return self._read(self.call).__await__()

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

        call, projection = answers.project(self.call, class_)
        return Paginator(self.client, call, Page[T], projection)

    async def pages(self, *, concurrency: int = 1, stable: bool = False) -> AsyncGenerator[PageT]:
        """All pages, in order, each of 100 items unless ``page_size`` was given.

        Args:
            concurrency: How many pages may be under way at once. Besides the one that is yielded,
                no more are held in memory; when 1, the next one is fetched once it is wanted.
            stable: Whether to walk as :meth:`items` does; the pages then have what is new alone.

        Raises:
            OrderError, ValueError: See :meth:`items`.
        """
        if not stable:
            async with aclosing(self._walk(self.call, concurrency)) as walk:
                async for batch in walk:
                    yield batch.page
            return
        call = keyed(self.call)
        async with aclosing(self._stable(call, concurrency)) as stable_walk:
            async for batch, new in stable_walk:
                batch.page.data = self._picked(call, batch.page, new)
                yield batch.page

    async def items(self, *, concurrency: int = 1, stable: bool = False) -> AsyncGenerator[Item]:
        """All items of all pages, in order.

        The portal's lists move while they are walked: what is created meanwhile pushes items to the
        next page, where they come again, and what is deleted pulls them to one that has been read.
        An item with an ``id`` is yielded once; the ``id`` is asked for even when it is not among
        the fields wanted.

        Args:
            concurrency: How many pages may be under way at once. Besides the one that is yielded,
                no more are held in memory; when 1, the next one is fetched once it is wanted.
            stable: Whether to yield each item that is there throughout, exactly once, whatever is
                created, changed or deleted meanwhile. The list is then in the order of creation;
                its ids are also read from the end to the start, 1,000 a page, and what was missed
                comes last.

        Raises:
            OrderError: The portal does not sort the list by creation, at the end of a ``stable``
                walk: something may be missing.
            ValueError: A ``stable`` walk is not possible: the list cannot be sorted by creation,
                its items have no id, or it was to be in another order or only in part.
        """
        call = keyed(self.call)
        walk = self._stable(call, concurrency) if stable else self._once(call, concurrency)
        async with aclosing(walk):
            async for batch, new in walk:
                for item in self._picked(call, batch.page, new):
                    yield item

    async def _once(
        self, call: Call, concurrency: int
    ) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        """Each page, and which of its items are new."""
        seen = Seen()
        async with aclosing(self._walk(call, concurrency)) as batches:
            async for batch in batches:
                yield batch, seen.new(batch.ids)

    def _walk(self, call: Call, concurrency: int) -> AsyncGenerator[Batch[PageT]]:
        return walk(
            self.client.start,
            fetcher(self.client, call, self._batch),
            first=first_page(call),
            concurrency=concurrency,
        )

    def _stable(
        self, call: Call, concurrency: int
    ) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        return stable_walk(self.client, call, self._batch).batches(concurrency=concurrency)

    async def _read(self, call: Call) -> PageT:
        return await answers.fetch(self.client, call, self._decode)

    def _batch(self, operation: str, content: bytes) -> Batch[PageT]:
        page = self._decode(operation, content)
        ids: list[object]
        if self.projection is None:
            ids = [getattr(item, "id", None) for item in page.data]
        else:  # Whatever the class makes of the id, if anything.
            ids = [item.get("id") for item in parse(operation, content)["data"]]
        return Batch(
            page,
            [one if isinstance(one, str) else None for one in ids],
            total=page.total,
            size=page.page_size,
            has_more=bool(page.next_page),
        )

    def _decode(self, operation: str, content: bytes) -> PageT:
        if self.projection is None:
            page: PageT = decode(operation, content, self._page)
            return page
        return cast("PageT", self.projection.page(operation, content))

    def _picked(self, call: Call, page: PageT, places: list[int]) -> list[Item]:
        """Some items of a page, without the ids if these were not among the fields wanted."""
        items = [page.data[place] for place in places]
        if call is not self.call and self.projection is None:
            for item in items:
                item.id = UNSET
        return items
