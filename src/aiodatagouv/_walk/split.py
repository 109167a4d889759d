"""The split walk: a search that is larger than its window, read in parts that are not.

A part is the same search for one value of a facet; one that is still too large is split by the next
facet. Parts may overlap, and a result without a value is in none: so a facet is not used if its
buckets count fewer results than there are, each result is yielded once, and in the end their number
must be that of the search. A part of up to two windows is read from both of its ends.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Generic, TypeAlias

from attrs import define, evolve, field, frozen

from .._call import answers
from .._call.call import Call
from ..errors import MissingResultsError, TooManyResultsError
from .listing import Listing
from .pages import Batch, PageT, walk
from .seen import Seen
from .window import Facet, Results, parameter_of, reach_of, too_many

Split: TypeAlias = bool | Sequence[str]
"""Whether to split a search, or the facets to split it by, in this order."""

_ORDER = "created"
"""The sort order of parts, unless another one was given: results of one relevance have none."""


@frozen
class _Part:
    """A part of a search: its call, and the number of its results."""

    call: Call
    count: int


@define
class SplitWalk(Generic[PageT]):
    """A walk over the parts of a search that yields every result once.

    Attributes:
        listing: The search.
        read: Decodes a page.
        facets: The facets to split by, in this order; none to choose among all.
        seen: The ids of the results that this walk, or one that it resumes, has yielded.
        total: The number of results, once they were counted.
        has_changed: Whether their number was another one at the end.
    """

    listing: Listing
    read: Callable[[str, bytes], Batch[PageT]]
    facets: tuple[str, ...]
    seen: Seen = field(factory=Seen)
    total: int = 0
    has_changed: bool = False
    _reach: int = 0
    _gone: int = 0
    _overlaps: bool = False

    async def batches(
        self, *, concurrency: int = 1
    ) -> AsyncGenerator[tuple[Batch[PageT], list[int]]]:
        """Iterate over the pages of all parts.

        Args:
            concurrency: The most pages in flight at once.

        Yields:
            A page, whose total is that of the search, and the indexes in it of its new results.

        Raises:
            TooManyResultsError: The parts are too large; raised before the first page.
            MissingResultsError: Results are in no part; raised after the last page.
            RuntimeError: The client was closed during the walk.
        """
        whole = self.listing.keyed
        self._reach = reach_of(whole.operation.window or 0, self.listing.page_size)
        results = await self._count(whole)
        self.total, skipped = results.total, set[str]()
        for part in await self._parts(whole, results):
            async with aclosing(self._read(part, concurrency)) as pages:
                async for batch in pages:
                    new = self.seen.new(batch.ids)
                    self.seen.repeats = 0  # Parts may overlap for any number of pages.
                    skipped.update(one.id for one in batch.skipped if one.id)
                    yield evolve(batch, total=self.total), new
        found = len(self.seen.ids | skipped)
        at_the_end = (await self._count(whole)).total
        self.has_changed = at_the_end != self.total
        # Some may have been deleted meanwhile.
        missing = min(self.total, at_the_end) - found
        if missing > (0 if self._overlaps else self._gone):
            gone = min(self._gone, missing)
            raise MissingResultsError(whole.operation.name, missing, self.total, gone)

    async def _count(self, call: Call) -> Results:
        """The number of results of a search, and its facets."""
        one = call.with_query(page=1, page_size=1).with_mask({"id": None})
        return await answers.fetch(
            self.listing.client, one, lambda _, content: Results.of(call, content)
        )

    async def _parts(self, call: Call, results: Results) -> list[_Part]:
        """Split a search until each part can be read.

        Raises:
            TooManyResultsError: It cannot be split further.
        """
        if results.fits(2 * self._reach):
            self._overlaps |= results.total > self._reach
            return [_Part(call, results.total)]
        facet = self._choose(call, results)
        self._overlaps |= facet.covered > facet.total
        parts: list[_Part] = []
        for value, count in facet.counts.items():
            part = call.with_query(**{facet.parameter: value})
            inner = Results(count, is_known=True, facets=())
            if not inner.fits(2 * self._reach):
                inner = await self._count(part)
            parts += await self._parts(part, inner)
        return parts

    def _choose(self, call: Call, results: Results) -> Facet:
        """The facet to split a search by.

        Raises:
            TooManyResultsError: None is fit for it.
        """
        names = self.facets
        wanted = [one for one in results.facets if not names or one.parameter in names]
        fit = [one for one in wanted if one.divides and one.covered >= one.total]
        if not fit:
            raise self._refusal(call, results, wanted)
        if names:
            return min(fit, key=lambda one: names.index(one.parameter))
        return min(fit, key=lambda one: (one.covered - one.total, one.largest, one.parameter))

    def _refusal(self, call: Call, results: Results, wanted: list[Facet]) -> TooManyResultsError:
        if call is self.listing.keyed and not results.facets:
            return too_many(call, results, self._reach)
        given = [
            f"{name} {value}"
            for name, value in call.query.items()
            if value is not None and self.listing.keyed.query.get(name) != value
        ]
        lacks = [
            f"{one.total - one.covered:,} are in no bucket of {one.parameter}"
            for one in wanted
            if one.covered < one.total
        ]
        part = f"the part of {', '.join(given)}" if given else "it"
        reason = f": {', '.join(lacks)}" if lacks else ""
        advice = f"{part} cannot be split further{reason}; narrow it, or split it by other facets"
        return TooManyResultsError(call.operation.name, results.total, self._reach, advice)

    async def _read(self, part: _Part, concurrency: int) -> AsyncGenerator[Batch[PageT]]:
        """Iterate over the pages of a part, from one end and, if it is too large, the other."""
        order = str(part.call.query.get("sort") or _ORDER)
        back = order[1:] if order.startswith("-") else f"-{order}"
        front = set[str | None]()
        for sort in [order] if part.count <= self._reach else [order, back]:
            call = part.call.with_query(sort=sort)
            # The parts are known to be larger than a window, or not to be.
            call = evolve(call, operation=evolve(call.operation, window=None))
            pages = walk(
                self.listing.client._start,
                self.listing.fetcher(self.read, call),
                end=self._reach,
                concurrency=concurrency,
            )
            offset = 0
            async with aclosing(pages):
                async for batch in pages:
                    # What the index has, and the database no longer, is counted and not sent.
                    expected = min(batch.size, batch.total - offset) - len(batch.skipped)
                    self._gone += max(expected - len(batch.ids), 0)
                    offset += batch.size
                    yield batch
                    if sort != back:
                        front.update(batch.ids)
                    elif batch.ids and front.issuperset(batch.ids):
                        break  # The ends have met, whatever has come or gone meanwhile.


def facets_of(listing: Listing, split: Split) -> tuple[str, ...]:
    """The parameters of the facets to split a search by; none for any.

    Raises:
        ValueError: The list cannot be split, or not by these facets.
    """
    operation = listing.call.operation
    name = operation.name
    if operation.window is None or not listing.has_ids:
        raise ValueError(f"{name} cannot be split: pages reach all of it")
    if listing.call.query.get("page") is not None:
        raise ValueError(f"{name} cannot be split: page is given, and a part has pages of its own")
    if not reach_of(operation.window, listing.page_size):
        raise ValueError(f"{name}: page_size is {listing.page_size}: pages reach no result")
    if isinstance(split, bool):
        return ()
    if not isinstance(split, str | Iterable):
        raise TypeError(f"{name}: split is {split!r}: it must be True, or names of parameters")
    parameters = tuple(parameter_of(one) for one in ([split] if isinstance(split, str) else split))
    known = {one.key for one in operation.parameters if one.place == "query"}
    for one in parameters:
        if one not in known or listing.call.query.get(one) is not None:
            reason = "it is given already" if one in known else "it is not a parameter"
            raise ValueError(f"{name} cannot be split by {one!r}: {reason}")
    return parameters
