"""Lists that come in pages: await one page, or iterate over all items."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from attrs import evolve
from msgspec import structs

from ._call import answers
from ._call.call import Call
from ._decoding.json import decode
from ._encoding.parameters import QueryValue
from ._views.page import PageView
from .client import Client

if TYPE_CHECKING:
    from ._fields.projection import Page, Projection
    from ._walk.pages import Batch
    from ._walk.split import Split

Item = TypeVar("Item")
T = TypeVar("T")


class AnyPage(Protocol):
    """A page of a list."""

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

    Both start at the ``page`` given, the first one by default.

    Attributes:
        client: The client that makes the calls.
        call: The call that answers a page.
        projection: The decoding of items into a class; None for the models of the API.

    Raises:
        ValueError: The page size is not positive.
    """

    def __init__(
        self,
        client: Client,
        call: Call,
        page: type[PageT],
        projection: Projection[Item] | None = None,
    ) -> None:
        from ._walk.listing import Listing  # Slow to import.

        self.client = client
        self.call = call
        self.projection = projection
        self._page = page
        self._listing = Listing.of(client, call)

    def __repr__(self) -> str:
        return f"<Paginator of {self.call.operation.name}>"

    def __await__(self) -> Generator[Any, None, PageT]:
        return self._read(self.call).__await__()

    def __aiter__(self) -> AsyncIterator[Item]:
        return self.items()

    def into(self, class_: type[T]) -> Paginator[Page[T], T]:
        """The same list, with each item decoded into a class that declares the fields wanted.

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
        from ._fields.projection import Page  # Slow to import.

        call, projection = answers.project(self.call, class_)
        return Paginator(self.client, call, Page[T], projection)

    async def pages(
        self, *, concurrency: int = 1, stable: bool = False, split: Split = False
    ) -> AsyncGenerator[PageT]:
        """Iterate over all pages, in order, each of 100 items unless ``page_size`` was given.

        Args:
            concurrency: The most pages in flight at once. No more are held in memory besides the
                one that is yielded; when 1, the next page is fetched once it is wanted.
            stable: Whether to walk as :meth:`items` does; each page then has only its new items.
            split: Whether to read a search in parts, as :meth:`items` does; each page then is one
                of a part, with only its new items.

        Raises:
            TooManyResultsError, MissingResultsError, OrderError, ValueError: See :meth:`items`.
        """
        if not stable and not split:
            async with aclosing(self._walk(concurrency, self.call)) as walk:
                async for batch in walk:
                    yield batch.page
            return
        async with aclosing(self._walk_by(concurrency, stable=stable, split=split)) as careful:
            async for batch, new in careful:
                yield _only(batch.page, new)

    async def items(
        self, *, concurrency: int = 1, stable: bool = False, split: Split = False
    ) -> AsyncGenerator[Item]:
        """Iterate over all items of all pages, in order.

        Lists change while they are walked: an item created meanwhile moves others to the next page,
        where they come again; a deleted one moves them to a page that was read already. An item
        with an ``id`` is yielded once; the ``id`` is asked for even if it is not among the fields
        wanted.

        Args:
            concurrency: The most pages in flight at once. No more are held in memory besides the
                one that is yielded; when 1, the next page is fetched once it is wanted.
            stable: Whether to yield every item that exists throughout the walk exactly once,
                whatever is created, changed or deleted meanwhile. The order is that of creation;
                the ids are also read from the end to the start, 1,000 a page, and items that were
                missed come last.
            split: Whether to read a search in parts, each of one value of a facet, if it has more
                results than pages reach: by any facets (True), or by these, in this order, such as
                ``["license", "producer_type"]``. Each result is yielded once, in no order; it is
                checked that their number is that of the search.

        Raises:
            TooManyResultsError: A search has more results than pages reach, or a part of one that
                cannot be split further has. It is raised before the first item, unless the search
                grows during the walk.
            MissingResultsError: At the end of a ``split`` walk, after all items that were found:
                items are missing.
            OrderError: At the end of a ``stable`` walk, after all items that were found: the
                portal does not sort the list by creation, so items may be missing.
            ValueError: A ``stable`` walk is not possible: the list cannot be sorted by creation,
                its items have no id, or ``page`` or ``sort`` is given. Or a ``split`` one is not:
                the list is not a search, has no such facet, or is to be walked stably as well.
        """
        walk = self._walk_by(concurrency, stable=stable, split=split)
        async with aclosing(walk):
            async for batch, new in walk:
                items = batch.page.data
                for index in new:
                    yield items[index]

    def _with_query(self, query: Mapping[str, QueryValue]) -> Paginator[PageT, Item]:
        """The same list with more query parameters."""
        call = evolve(self.call, query={**self.call.query, **query})
        return Paginator(self.client, call, self._page, self.projection)

    def _walk_by(
        self, concurrency: int, *, stable: bool, split: Split
    ) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        """The pages of a walk, with the indexes of their new items."""
        if not split:
            return self._stable(concurrency) if stable else self._once(concurrency)
        if stable:
            name = self.call.operation.name
            raise ValueError(f"{name} cannot be walked stably and be split: choose one")
        from ._walk.split import SplitWalk, facets_of  # Only searches need it.

        facets = facets_of(self._listing, split)
        return SplitWalk(self._listing, self._batch, facets).batches(concurrency=concurrency)

    async def _once(self, concurrency: int) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        """Each page, with the indexes of its new items."""
        from ._walk.seen import Seen

        seen = Seen()
        async with aclosing(self._walk(concurrency)) as batches:
            async for batch in batches:
                yield batch, seen.new(batch.ids)

    def _walk(self, concurrency: int, call: Call | None = None) -> AsyncGenerator[Batch[PageT]]:
        from ._walk.pages import walk

        listing = self._listing
        fetch = listing.fetcher(self._batch, call)
        return walk(self.client._start, fetch, first=listing.first, concurrency=concurrency)

    def _stable(self, concurrency: int) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        return self._listing.tolerant_walk(self._batch).batches(concurrency=concurrency)

    async def _read(self, call: Call) -> PageT:
        page = await answers.fetch(self.client, call, self._decode)
        # A list without pages is the first page, whichever is asked for.
        asked = call.query.get("page")
        is_first = isinstance(page, PageView) and page.page == 1 and page.next_page is None
        return _only(page, []) if is_first and asked not in (None, 1) else page

    def _batch(self, operation: str, content: bytes) -> Batch[PageT]:
        from ._walk.keys import batch_of

        page = self._decode(operation, content)
        if self.projection is not None:
            envelope = {name: getattr(page, name) for name in ("total", "page_size", "next_page")}
            return batch_of(operation, page, envelope, self.projection.keys(operation, content))
        json = cast("PageView", page).to_dict()
        ids = [item.get("id") for item in json["data"]]
        for item in json["data"]:
            self._listing.strip(item)
        return batch_of(operation, page, json, ids)

    def _decode(self, operation: str, content: bytes) -> PageT:
        if self.projection is None:
            page: PageT = decode(operation, content, self._page, self.call.answer_mask)
            return page
        return cast("PageT", self.projection.page(operation, content))


def _only(page: PageT, indexes: list[int]) -> PageT:
    """A page with only some of its items."""
    if isinstance(page, PageView):
        return page._with_items(indexes)
    items = page.data
    only: PageT = structs.replace(cast("Any", page), data=[items[index] for index in indexes])
    return only
