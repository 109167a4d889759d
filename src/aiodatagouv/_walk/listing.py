"""A list, prepared to be walked: its calls, its page size, its sort orders, its item ids."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import chain
from typing import Any, TypeVar

from attrs import define, evolve, field, frozen

from .._call import answers
from .._call.call import Call
from .._call.caller import Caller
from .._checks import check_count
from .._decoding.declared import declared
from .._fields import mask as masks
from ..errors import BadRequestError, OrderError, UnknownOrderError
from ..operation import Order
from ..types import JsonObject, Mask
from .keys import KeyReader, Keys, read_page
from .narrowing import Narrowing, impatient
from .pages import Batch, Fetch
from .stable import StableWalk
from .tolerant import TolerantWalk
from .visibility import Mark, marking

PAGE_SIZE = 100
"""Items a page when a whole list is walked; one page alone has the portal's default size."""

T = TypeVar("T")


@frozen
class Listing:
    """A list, prepared to be walked.

    Attributes:
        call: The call as it was made, for the fields wanted.
        keyed: The call for the ids of the items as well, and for their dates if wanted.
        page_size: Items a page.
        first: The number of the first page wanted.
        unstable: The reason why the list cannot be walked stably, if any.
        has_ids: Whether the items have ids.
        dates: The dotted paths of the dates that the walk asks for; batches have the last one.
        skips_broken: Whether items that the portal cannot send are left out.
        marking: The fields by which batches are marked, if they are.
    """

    client: Caller
    call: Call
    keyed: Call
    page_size: int
    first: int
    unstable: str | None
    has_ids: bool
    dates: tuple[str, ...] = ()
    skips_broken: bool = False
    marking: Mapping[str, Mark] = field(factory=dict[str, Mark])

    @classmethod
    def of(cls, client: Caller, call: Call) -> Listing:
        """Prepare a list.

        Raises:
            ValueError: The page or its size is no positive number.
        """
        size, first = call.query.get("page_size"), call.query.get("page")
        for name, value in (("page_size", size), ("page", first)):
            if value is not None:
                check_count(f"{call.operation.name}: {name}", value)
        has_ids = "id" in declared(masks.model_of(call.operation))
        return cls(
            client,
            call,
            keyed=_including(call, "id") if has_ids else call,
            page_size=size if isinstance(size, int) else PAGE_SIZE,
            first=first if isinstance(first, int) else 1,
            unstable=_instability(call, has_ids=has_ids),
            has_ids=has_ids,
        )

    @property
    def created(self) -> Order:
        """The sort order by creation.

        Raises:
            ValueError: The list cannot be walked stably.
        """
        order = self.call.operation.created
        if order is None or self.unstable:
            raise ValueError(f"{self.call.operation.name} has no stable walk: {self.unstable}")
        return order

    @property
    def date(self) -> str | None:
        """The dotted path of the date by which batches are dated, if they are."""
        return self.dates[-1] if self.dates else None

    def dated(self, order: Order) -> Listing:
        """The same list with the dates of a sort order in each batch."""
        keyed, dates = _including(self.keyed, order.date), (*self.dates, order.date)
        return evolve(self, keyed=keyed, dates=dates)

    def marked(self) -> Listing:
        """The same list with the marks of the items in each batch."""
        fields = marking(masks.model_of(self.call.operation))
        keyed = reduce(_including, fields, self.keyed)
        return evolve(self, keyed=keyed, marking=fields)

    def sorted(self, order: Order) -> Listing:
        """The same list in ascending order."""
        return evolve(self, keyed=self.keyed.with_query(sort=order.sort))

    @property
    def asks_for_more(self) -> bool:
        """Whether the walk asks for fields that are not wanted, which :meth:`strip` removes."""
        return self.keyed.mask != self.call.mask

    def strip(self, item: JsonObject) -> None:
        """Remove from an item the id, dates and marks that only the walk asked for."""
        wanted = self.call.mask
        if wanted is not None:
            for path in ("id", *self.marking, *self.dates):
                masks.strip(item, wanted, path.split("."))

    def fetcher(
        self,
        read: Callable[[str, bytes], Batch[T]],
        call: Call | None = None,
        *,
        is_steady: bool = False,
        keeps_places: bool = False,
    ) -> Fetch[T]:
        """A function that fetches one page.

        Args:
            read: Decodes a page, given the operation's name and the body. If broken items are left
                out, it decodes a page into a list or None.
            call: The call to make instead of :attr:`keyed`.
            is_steady: See :class:`.narrowing.Narrowing`.
            keeps_places: See :class:`.narrowing.Narrowing`.
        """
        call = call or self.keyed
        fetch = self._fetch(self.client, call, read)
        if not self.skips_broken:
            return fetch
        client, names = impatient(self.client), call.with_mask({"id": None})
        return Narrowing(
            call.operation.name,
            fetch,
            self._fetch(client, call, read),
            self._fetch(client, names, read_page) if self.has_ids else None,
            _joined,
            self.page_size,
            is_steady=is_steady,
            keeps_places=keeps_places,
        ).page

    def _fetch(
        self, client: Caller, call: Call, read: Callable[[str, bytes], Batch[T]]
    ) -> Fetch[T]:
        async def fetch(number: int, size: int | None) -> Batch[T]:
            page_size = size or self.page_size
            page = call.with_query(page=number, page_size=page_size)
            try:
                return await answers.fetch(client, page, _within_window(call, page_size, read))
            except BadRequestError as error:
                sort = call.query.get("sort")
                # If the caller has chosen it, the 400 is the answer to the caller.
                if "sort" not in error.errors or sort == self.call.query.get("sort"):
                    raise
                problem = f"cannot be sorted by {sort!r}, which this portal does not know"
                raise UnknownOrderError(call.operation.name, problem) from error

        return fetch

    def id_fetcher(self, order: Order, watch: Watch | None = None) -> Fetch[None]:
        """A function that fetches only the ids and dates of a page, in a sort order."""
        mask: Mask = {"id": None}
        dates = [order.date, *(watch.dates if watch else ())]
        marking = watch.marking if watch else {}
        call = self.call.with_query(sort=order.sort).with_mask(mask)
        call = reduce(_including, [*dates, *marking], call)
        reader = KeyReader(*dates, marking=marking)

        def read(operation: str, content: bytes) -> Batch[None]:
            keys = reader.read(operation, content)
            batch = keys.batch(None, order.date)
            if None in batch.ids:  # On portals that are older than the id.
                raise OrderError(operation, "has items without an id")
            if watch is not None:
                watch.observe(keys)
            return batch

        return self.fetcher(read, call, is_steady=True, keeps_places=True)

    def stable_walk(
        self,
        read: Callable[[str, bytes], Batch[T]],
        *,
        low: dt.datetime | None = None,
        high: dt.datetime | None = None,
        watch: Watch | None = None,
    ) -> StableWalk[T]:
        """A walk in the order of creation.

        Args:
            read: Decodes a page; with its dates if ``low`` or ``high`` are given.
            low: The least date of creation wanted.
            high: The date of creation before which items are wanted.
            watch: Observes every item when the ids are read.

        Raises:
            ValueError: The list cannot be walked stably.
        """
        order = self.created
        return StableWalk(
            self.call.operation.name,
            self.client._start,
            self.sorted(order).fetcher(read),
            self.id_fetcher(order, watch),
            low=low,
            high=high,
        )

    def tolerant_walk(
        self,
        read: Callable[[str, bytes], Batch[T]],
        *,
        low: dt.datetime | None = None,
        high: dt.datetime | None = None,
    ) -> TolerantWalk[T]:
        """A walk in the order of creation, or in the portal's own if it does not know that.

        The arguments are those of :meth:`stable_walk`. With dates there is no other order.

        Raises:
            ValueError: The list cannot be walked stably.
        """
        is_whole = low is None and high is None
        stable = self.stable_walk(read, low=low, high=high)
        return TolerantWalk(stable, self.fetcher(read) if is_whole else None)


@define
class Watch:
    """Collects the items that were changed or written since a date.

    Attributes:
        dates: The dotted paths, in each item, of the dates when it was.
        since: The date.
        marking: The fields by which all items are marked, if they are.
        found: The ids of those items.
        marks: The marks of the items that have any, by their ids.
        total: The number of items of the list that the latest page has told.
    """

    dates: tuple[str, ...]
    since: dt.datetime
    marking: Mapping[str, Mark] = field(factory=dict[str, Mark])
    found: set[str] = field(factory=set[str])
    marks: dict[str, tuple[Mark, ...]] = field(factory=dict[str, tuple[Mark, ...]])
    total: int | None = None

    def observe(self, keys: Keys) -> None:
        """Collect from the items of a page."""
        self.total = keys.page.total
        for path in self.dates:
            dated = zip(keys.page.ids, keys.dates[path], strict=True)
            self.found.update(key for key, date in dated if key and date >= self.since)
        if self.marking:
            marked = zip(keys.page.ids, keys.page.marks, strict=True)
            self.marks.update((key, marks) for key, marks in marked if key and marks)


def _within_window(
    call: Call, page_size: int, read: Callable[[str, bytes], Batch[T]]
) -> Callable[[str, bytes], Batch[T]]:
    """The function that decodes a page, refusing one of a search that is too large."""
    if call.operation.window is None:
        return read
    from .window import within_window  # Only searches need it.

    return within_window(call, call.operation.window, page_size, read)


def _joined(pages: list[Any]) -> Any:
    """Join the decoded pages of a list; None if they have none."""
    return None if None in pages else [*chain.from_iterable(pages)]


def _including(call: Call, path: str) -> Call:
    """The call, with a dotted path among the fields wanted."""
    if call.mask is None:
        return call
    return call.with_mask(masks.including(call.mask, path.split(".")))


def _instability(call: Call, *, has_ids: bool) -> str | None:
    """The reason why a list cannot be walked stably, if any."""
    if not has_ids:
        return "its items have no id to tell them apart"
    if call.operation.created is None:
        return "the portal cannot sort it by creation"
    given = [key for key in ("page", "sort") if call.query.get(key) is not None]
    if given:
        return f"it needs the whole list in order of creation, but {' and '.join(given)} is given"
    return None
