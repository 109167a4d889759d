"""Lists that come in pages: await one page, or iterate over all that there is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from msgspec import structs

from . import answers
from ._page import PageView
from .decoding import decode
from .lists import batch_of, fetcher, first_page, keyed, stable_walk
from .walk import Batch, Seen, walk

if TYPE_CHECKING:
    from .client import Client
    from .operation import Call
    from .projection import Page, Projection

Item = TypeVar("Item")
T = TypeVar("T")


class AnyPage(Protocol):
    """What every page of a list has."""

    @property
    def data(self) -> list[Any]:
        """Its items."""
        ...


PageT = TypeVar("PageT", bound=AnyPage)


class Paginator(Generic[PageT, Item]):
    """A list that the portal hands out in pages. Nothing is sent before it is awaited or iterated.

    >>> page = await api.datasets.list_datasets(client, q="vélo")          # one page
    >>> async for dataset in api.datasets.list_datasets(client): ...       # every item of all pages
    >>> async for page in api.datasets.list_datasets(client).pages(): ...  # every page

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
        async with aclosing(self._stable(concurrency)) as stable_walk:
            async for batch, new in stable_walk:
                yield _only(batch.page, new)

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
        walk = self._stable(concurrency) if stable else self._once(concurrency)
        async with aclosing(walk):
            async for batch, new in walk:
                items = batch.page.data
                for place in new:
                    yield items[place]

    async def _once(self, concurrency: int) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        """Each page, and which of its items are new."""
        seen = Seen()
        async with aclosing(self._walk(keyed(self.call), concurrency)) as batches:
            async for batch in batches:
                yield batch, seen.new(batch.ids)

    def _walk(self, call: Call, concurrency: int) -> AsyncGenerator[Batch[PageT]]:
        return walk(
            self.client.start,
            fetcher(self.client, call, self._batch),
            first=first_page(call),
            concurrency=concurrency,
        )

    def _stable(self, concurrency: int) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        walk = stable_walk(self.client, keyed(self.call), self._batch)
        return walk.batches(concurrency=concurrency)

    async def _read(self, call: Call) -> PageT:
        return await answers.fetch(self.client, call, self._decode)

    def _batch(self, operation: str, content: bytes) -> Batch[PageT]:
        page = self._decode(operation, content)
        if self.projection is not None:
            envelope = {name: getattr(page, name) for name in ("total", "page_size", "next_page")}
            return batch_of(page, envelope, self.projection.keys(operation, content))
        json = cast("PageView", page).to_dict()
        ids = [item.get("id") for item in json["data"]]
        if self._leaves_out_ids:
            for item in json["data"]:
                item.pop("id", None)
        return batch_of(page, json, ids)

    def _decode(self, operation: str, content: bytes) -> PageT:
        if self.projection is None:
            page: PageT = decode(operation, content, self._page, self.call.answer_mask())
            return page
        return cast("PageT", self.projection.page(operation, content))

    @cached_property
    def _leaves_out_ids(self) -> bool:
        """Whether ids are only asked for to tell items apart."""
        return keyed(self.call) is not self.call


def _only(page: PageT, places: list[int]) -> PageT:
    """A page with only some of its items."""
    if isinstance(page, PageView):
        return page._with_items(places)
    items = page.data
    only: PageT = structs.replace(cast("Any", page), data=[items[place] for place in places])
    return only
