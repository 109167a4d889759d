"""A walk split into parts that have nothing to do with each other: for several processes."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..errors import NotFoundError
from ..lists import instability, looker, page_size

if TYPE_CHECKING:
    from ..operation import Call
    from ..pagination import Paginator
    from ..projection import Projection


@frozen
class Part:
    """The items of a list that were created between two dates. It can be pickled.

    An item is in one part only, whatever is created or deleted meanwhile.

    Attributes:
        call: The list.
        into: The class that its items are decoded into, if any.
        low: The date of creation of its first items; from the first of all when None.
        high: The date before which its last items were created; to the last of all when None.
        start: How many items came before it when the list was split.
        end: How many items came before the part after it.
    """

    call: Call
    into: type[Any] | None
    low: dt.datetime | None
    high: dt.datetime | None
    start: int
    end: int

    @property
    def page(self) -> int:
        """The number of the page that it begins in."""
        return self.start // page_size(self.call) + 1

    def projection(self) -> Projection[Any] | None:
        """How its items are decoded into the class."""
        from ..projection import projection  # Slow to import.

        return None if self.into is None else projection(self.into, self.call.operation)

    def to_dict(self) -> dict[str, str | None]:
        """What tells it from the others, as JSON."""
        return {
            "low": None if self.low is None else self.low.isoformat(),
            "high": None if self.high is None else self.high.isoformat(),
        }


async def partition(paginator: Paginator[Any, Any], n: int) -> list[Part]:
    """Split a walk into parts of about the same size, by the dates of creation.

    >>> parts = await bulk.partition(api.datasets.list_datasets(client), 4)
    >>> await bulk.harvest(client, parts[0], "datasets-0.parquet")  # in any process, in any order

    Each part is harvested by itself; together they have everything that is there throughout, once.

    Args:
        paginator: The list.
        n: How many parts are wanted. There may be fewer: items of one date are in one part.

    Raises:
        ValueError: ``n`` is not positive, or the list cannot be sorted by creation.
        APIError, NetworkError: The portal cannot be asked.
    """
    call, order = paginator.call, paginator.call.operation.created
    reason = instability(call)
    if order is None or reason:
        raise ValueError(f"{call.operation.id} cannot be split: {reason}")
    if n < 1:
        raise ValueError(f"n is {n}: at least 1 part is needed")
    look = looker(paginator.client, call, order)
    total = (await look(1, 1)).total
    cuts: dict[dt.datetime | None, int] = {None: 0}
    latest: dt.datetime | None = None
    for place in {total * number // n: None for number in range(1, n)}:
        with suppress(NotFoundError):  # The list has shrunk: there are fewer parts.
            for date in (await look(place + 1, 1)).dates:
                # The list may have moved since the look before, or many are of one date.
                if latest is None or date > latest:
                    cuts[date] = place
                    latest = date
    into = paginator.projection.class_ if paginator.projection else None
    ends: list[tuple[dt.datetime | None, int]] = [*cuts.items(), (None, total)]
    return [Part(call, into, low, high, start, end) for (low, start), (high, end) in pairwise(ends)]
