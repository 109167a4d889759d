"""What a walk has to know of a list: its pages, its orders, and what tells its items apart."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from . import answers, masks
from ._declared import declared
from ._page import PageView
from ._place import Origin
from .dates import read_datetime
from .decoding import parse
from .errors import DecodeError, OrderError
from .stable import StableWalk
from .walk import Batch, Fetch

if TYPE_CHECKING:
    from .client import Client
    from .operation import Call, Order
    from .types import JsonObject

PAGE_SIZE = 100
"""Items a page when walking a whole list; alone, a page has the portal's own default."""

_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
"""The date of what has none: the portal sorts it before all others."""

T = TypeVar("T")


def has_ids(call: Call) -> bool:
    """Whether the items of a list have what tells them apart."""
    return "id" in declared(masks.model_of(call.operation))


def keyed(call: Call) -> Call:
    """The call, with the ``id`` of each item among the fields wanted if there is one."""
    return including(call, "id") if has_ids(call) else call


def including(call: Call, path: str) -> Call:
    """The call, with a dotted path among the fields wanted."""
    mask = call.mask()
    if mask is None:
        return call
    wider = masks.including(mask, path.split("."))
    return call if wider == mask else call.with_fields(masks.write(wider))


def fetcher(client: Client, call: Call, read: Callable[[str, bytes], Batch[T]]) -> Fetch[T]:
    """What fetches the pages of a list for a walk.

    Args:
        client: The portal to call.
        call: The list.
        read: Decodes a page, given the id of the operation and the answer.
    """
    usual = page_size(call)

    async def fetch(number: int, size: int | None) -> Batch[T]:
        page = call.with_query(page=number, page_size=size or usual)
        return await answers.fetch(client, page, read)

    return fetch


def page_size(call: Call) -> int:
    """How many items a page of a walk has.

    Raises:
        ValueError: It would have none.
    """
    given = call.query.get("page_size")
    if not isinstance(given, int):
        return PAGE_SIZE
    if given < 1:
        raise ValueError(f"{call.operation.id}: page_size is {given}: at least 1 is needed")
    return given


def first_page(call: Call) -> int:
    """The number of the page that a walk begins with."""
    given = call.query.get("page")
    return given if isinstance(given, int) else 1


def instability(call: Call) -> str | None:
    """Why a list cannot be walked stably, if it cannot."""
    if not has_ids(call):
        return "its items have no id to tell them apart by"
    if call.operation.created is None:
        return "the portal cannot sort it by creation"
    given = [key for key in ("page", "sort") if call.query.get(key) is not None]
    if given:
        return (
            f"that is for whole lists in the order of creation, but {' and '.join(given)} is given"
        )
    return None


def stable_walk(
    client: Client,
    call: Call,
    read: Callable[[str, bytes], Batch[T]],
    *,
    low: dt.datetime | None = None,
    high: dt.datetime | None = None,
    watch: Watch | None = None,
) -> StableWalk[T]:
    """A walk in the order of creation.

    Args:
        client: The portal to call.
        call: The list.
        read: See :func:`fetcher`; it reads the dates too if there are limits.
        low: The date of creation from which on items are wanted.
        high: The date before which they are wanted.
        watch: What to read of every item besides, when the ids are read.

    Raises:
        ValueError: There is none.
    """
    name, order = call.operation.id, call.operation.created
    reason = instability(call)
    if order is None or reason:
        raise ValueError(f"{name} has no stable walk: {reason}")
    call = call.with_query(sort=order.sort)
    fetch, look = fetcher(client, call, read), looker(client, call, order, watch)
    return StableWalk(name, client.start, fetch, look, low=low, high=high)


def looker(client: Client, call: Call, order: Order, watch: Watch | None = None) -> Fetch[None]:
    """What fetches no more than the ids and dates of a list, in an order that it has."""
    call = call.with_query(sort=order.sort).with_fields(["id", order.date])
    if watch is not None:
        call = including(call, watch.date)

    def read(operation: str, content: bytes) -> Batch[None]:
        page = read_page(operation, content)
        if None in page.ids:  # As on portals that are older than the id.
            raise OrderError(operation, "has items without an id")
        if watch is not None:
            watch.note(operation, page.page)
        dates = dates_of(operation, page.page, order.date)
        return Batch(None, page.ids, page.total, page.size, page.has_more, dates)

    return fetcher(client, call, read)


def read_page(operation: str, content: bytes) -> Batch[list[dict[str, Any]]]:
    """A page as plain JSON.

    Raises:
        DecodeError: It is none.
    """
    page = PageView._read(parse(operation, content), Origin(operation)).to_dict()
    return batch_of(page["data"], page, [item.get("id") for item in page["data"]])


def batch_of(page: T, envelope: JsonObject, ids: Sequence[object]) -> Batch[T]:
    """A page as a walk sees it.

    Args:
        page: What was made of it.
        envelope: The page in JSON; its items do not matter.
        ids: The ids of its items; what is no text tells nothing apart.
    """
    return Batch(
        page,
        [key if isinstance(key, str) else None for key in ids],
        total=envelope["total"],
        size=envelope["page_size"],
        has_more=bool(envelope.get("next_page")),
    )


@define
class Watch:
    """Looks which items have been written since a date.

    Attributes:
        date: The dotted path, in each item, of the date when it was written.
        since: The date.
        found: The ids of those items.
    """

    date: str
    since: dt.datetime
    found: set[str] = field(factory=set[str])

    def note(self, operation: str, items: Sequence[Any]) -> None:
        """Look at some items."""
        dates = dates_of(operation, items, self.date)
        written = zip(items, dates, strict=True)
        self.found.update(item["id"] for item, date in written if date >= self.since)


def dates_of(operation: str, items: Sequence[Any], date: str) -> list[dt.datetime]:
    """The dates that items have at a dotted path.

    Raises:
        DecodeError: One has no such date.
    """
    path = date.split(".")
    try:
        return [_moment(reduce(operator.getitem, path, item)) for item in items]
    except (LookupError, TypeError, ValueError) as error:
        raise DecodeError(
            repr(error), operation=operation, path="$.data", expected=f"{date} of every item"
        ) from error


def _moment(text: str | None) -> dt.datetime:
    if text is None:
        return _NEVER
    moment = read_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
