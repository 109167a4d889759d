"""Parts of a list, by dates of creation, that several processes can harvest independently."""

from __future__ import annotations

import datetime as dt
import logging
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from attrs import frozen

from .._call.call import Call
from .._checks import check_count
from .._walk.keys import read_page
from .._walk.listing import Listing
from .._walk.stable import STRETCH
from ..errors import NotFoundError, UnknownOrderError
from ..pagination import Paginator
from ._update.recorded import Recorded
from .public import explained, without_key

if TYPE_CHECKING:
    from .._fields.projection import Projection

_log = logging.getLogger("aiodatagouv")


@frozen
class Part:
    """The items of a list that were created between two dates. It can be pickled.

    An item is in one part only, whatever is created or deleted meanwhile.

    Attributes:
        call: The call that lists the items.
        into: The class that the items are decoded into, if any.
        low: The least date of creation; None for the first part.
        high: The date of creation before which items are in it; None for the last part.
        start: The number of items before it when the list was split.
        end: The number of items before the next part.
        changes: The changes of the list for an update, if they were read for all parts at once.
        release: The release of udata that the portal runs, for the metadata of a table, if the
            portal was asked for all parts at once.
    """

    call: Call
    into: type[Any] | None
    low: dt.datetime | None
    high: dt.datetime | None
    start: int
    end: int
    changes: Recorded | None = None
    release: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole list."""
        return self.low is None and self.high is None

    def projection(self) -> Projection[Any] | None:
        """The decoding of its items into the class."""
        from .._fields.projection import projection_of  # Slow to import.

        return None if self.into is None else projection_of(self.into, self.call.operation)

    def to_dict(self) -> dict[str, str | None]:
        """The JSON that tells it from other parts."""
        return {
            "low": None if self.low is None else self.low.isoformat(),
            "high": None if self.high is None else self.high.isoformat(),
        }


async def partition(
    paginator: Paginator[Any, Any], n: int, *, only_public: bool = False
) -> list[Part]:
    """Split a list into parts of about the same size, by dates of creation.

    >>> parts = await bulk.partition(api.datasets.list_datasets(client), 4)
    >>> await bulk.harvest(parts[0], "datasets-0.parquet", client=client)  # in any process

    Each part is harvested by itself; together they hold every item that exists throughout, once.

    Args:
        paginator: The list.
        n: The number of parts. There may be fewer: items of one date are in one part, and a list
            that the portal does not sort by creation is one part.
        only_public: Whether to split the list as it is without the key, for harvests of its parts
            with ``only_public``: their totals are then those of public items.

    Raises:
        ValueError: ``n`` is not positive, or the list cannot be sorted by creation.
        AuthenticationError: The list needs a key.
        APIError, NetworkError: A call fails.
    """
    check_count("n", n)
    client = without_key(paginator.client) if only_public else paginator.client
    listing = Listing.of(client, paginator.call)
    if listing.unstable:
        raise ValueError(f"{listing.call.operation.name} cannot be split: {listing.unstable}")
    fetch_ids = listing.id_fetcher(listing.created)
    with explained(only_public=only_public):
        try:
            start = await fetch_ids(1, STRETCH)
            is_sorted = all(one <= other for one, other in pairwise(start.dates))
            total = start.total
        except UnknownOrderError:
            total, is_sorted = (await listing.fetcher(read_page)(1, 1)).total, False
    if not is_sorted:
        name, problem = listing.call.operation.name, "it is not sorted by creation"
        fields = {"event": "not_split", "operation": name, "problem": problem}
        _log.info("%s is not split: %s", name, problem, extra=fields)
        n = 1
    cuts: dict[dt.datetime | None, int] = {None: 0}
    latest: dt.datetime | None = None
    n = min(n, max(total, 1))  # No part is empty.
    for offset in (total * number // n for number in range(1, n)):
        with suppress(NotFoundError):  # The list has shrunk: there are fewer parts.
            # A list without pages answers more than the one item.
            for date in (await fetch_ids(offset + 1, 1)).dates[:1]:
                # The list may have changed since the call before, or many items are of one date.
                if latest is None or date > latest:
                    cuts[date] = offset
                    latest = date
    into = paginator.projection.class_ if paginator.projection else None
    ends: list[tuple[dt.datetime | None, int]] = [*cuts.items(), (None, total)]
    return [
        Part(listing.call, into, low, high, start, end)
        for (low, start), (high, end) in pairwise(ends)
    ]
