"""The window of a search: the most results that its pages reach.

Beyond it, the portal answers 400. It does not count further either: such a search has as many
results as the window is large, so that its last page seems to be the end. Only the facets tell the
true number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from attrs import frozen

from .._call.call import Call
from .._decoding.json import parse
from ..errors import DecodeError, TooManyResultsError
from .pages import Batch

_ALL = "all"
"""The first bucket of each facet: its results, with a value there or without."""

_PARAMETERS = {"organization_id_with_name": "organization", "topics": "topic"}
"""The parameters that filter by facets of other names."""

_ADVISED = 6
"""The most parameters that an error advises."""

T = TypeVar("T")


class Bucket(msgspec.Struct, frozen=True):
    """The results with one value of a facet: their number, and the value."""

    name: str
    count: int


class _Page(msgspec.Struct):
    total: int
    facets: dict[str, list[Bucket]] | None = None


@frozen
class Facet:
    """A facet that a parameter filters by.

    Attributes:
        parameter: The name of the parameter.
        total: The number of results, with a value or without.
        counts: The value of the parameter for each bucket, and the number of results in it.
    """

    parameter: str
    total: int
    counts: Mapping[str, int]

    @property
    def covered(self) -> int:
        """The number of results in buckets; those in several count several times."""
        return sum(self.counts.values())

    @property
    def largest(self) -> int:
        """The number of results in the largest bucket."""
        return max(self.counts.values(), default=0)

    @property
    def divides(self) -> bool:
        """Whether every bucket leaves something out."""
        return 0 < self.largest < self.total


@frozen
class Results:
    """The number of results of a search, and its facets.

    Attributes:
        total: The number of results; the most that there can be if it is beyond the window.
        is_known: Whether the portal tells how many there are beyond the window.
        facets: The facets that can narrow the search further.
    """

    total: int
    is_known: bool
    facets: tuple[Facet, ...]

    @classmethod
    def of(cls, call: Call, content: bytes) -> Results:
        """Read a page of a search.

        Raises:
            DecodeError: It is not one.
        """
        operation, window = call.operation, call.operation.window or 0
        try:
            page = msgspec.convert(parse(operation.name, content), _Page)
        except msgspec.ValidationError as error:
            raise DecodeError(
                str(error), operation=operation.name, expected="a page of a search"
            ) from None
        told = {
            name: buckets
            for name, buckets in (page.facets or {}).items()
            if buckets and buckets[0].name == _ALL
        }
        alls = [buckets[0].count for buckets in told.values()]
        # Without a search engine there are no facets, and the total is exact.
        is_capped = page.total == window and page.facets != {}
        open_ = {one.key for one in operation.parameters if one.place == "query"} - {
            name for name, value in call.query.items() if value is not None
        }
        return cls(
            min(alls, default=page.total) if is_capped else page.total,
            bool(alls) or not is_capped,
            tuple(
                facet
                for name, buckets in told.items()
                if (facet := _facet(name, buckets)).parameter in open_
            ),
        )

    def fits(self, reach: int) -> bool:
        """Whether pages that reach so many results reach all of them."""
        return self.is_known and self.total <= reach


def parameter_of(facet: str) -> str:
    """The parameter that filters by a facet."""
    return _PARAMETERS.get(facet, facet)


def _facet(name: str, buckets: list[Bucket]) -> Facet:
    parameter = parameter_of(name)
    # An organization is "<id>|<name>".
    end = "|" if parameter == "organization" else "\0"
    counts = {one.name.partition(end)[0]: one.count for one in buckets[1:]}
    return Facet(parameter, buckets[0].count, counts)


def reach_of(window: int, page_size: int) -> int:
    """The number of results that whole pages reach: one that ends beyond the window is refused."""
    return window // page_size * page_size


def within_window(
    call: Call, window: int, page_size: int, read: Callable[[str, bytes], Batch[T]]
) -> Callable[[str, bytes], Batch[T]]:
    """The function that decodes a page, refusing one of more results than pages reach.

    Args:
        call: The call that answers the page.
        window: The most results that pages reach.
        page_size: The items a page that are asked for.
        read: Decodes a page.
    """
    reach = reach_of(window, page_size)
    if not reach:
        return read  # The portal refuses such a page itself.

    def reading(operation: str, content: bytes) -> Batch[T]:
        batch = read(operation, content)
        if batch.total > reach or batch.total >= window:
            results = Results.of(call, content)
            if not results.fits(reach):
                raise too_many(call, results, reach)
        return batch

    return reading


def too_many(call: Call, results: Results, reach: int) -> TooManyResultsError:
    """The error for a search that is larger than its window."""
    name = call.operation.name
    useful = sorted((one for one in results.facets if one.divides), key=lambda one: one.largest)
    names = [one.parameter for one in useful[:_ADVISED]]
    narrow = (
        f"narrow it (by {', '.join(names)}), read it in parts (split=True)"
        if names
        else "narrow it"
    )
    lists = name.rpartition(".")[2].replace("search_", "list_")
    return TooManyResultsError(name, results.total, reach, f"{narrow}, or use {lists}")
