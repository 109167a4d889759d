"""The inventory of a stable walk: the ids and dates of all items, in little memory."""

from __future__ import annotations

import datetime as dt
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, pairwise

from attrs import field, frozen

from .skipped import Skipped

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


@frozen
class Stretch:
    """The ids and dates of some items, packed: as objects they take four times as much memory.

    Attributes:
        ids: The ids, one after the other.
        ends: Where each of them ends.
        moments: The dates, in microseconds since 1970.
    """

    ids: str
    ends: array[int]
    moments: array[int]

    @classmethod
    def of(cls, items: Sequence[tuple[str, dt.datetime]]) -> Stretch:
        """Pack some items."""
        return cls(
            "".join([key for key, _ in items]),
            array("Q", accumulate(len(key) for key, _ in items)),
            array("q", [(date - _EPOCH) // _MICROSECOND for _, date in items]),
        )

    def __iter__(self) -> Iterator[tuple[str, dt.datetime]]:
        """Iterate over the ids and dates."""
        places = pairwise(chain([0], self.ends))
        for (start, end), moment in zip(places, self.moments, strict=True):
            yield self.ids[start:end], _EPOCH + dt.timedelta(microseconds=moment)


@frozen
class Inventory:
    """The items that exist throughout a walk, in order of creation.

    Attributes:
        stretches: Their ids and dates of creation.
        offset: The offset of the first item in the list.
        skipped: The items whose date or id the portal cannot send; only those with an id are
            among the others.
    """

    stretches: Sequence[Stretch]
    offset: int
    skipped: list[Skipped] = field(factory=list[Skipped])

    def __iter__(self) -> Iterator[tuple[str, dt.datetime]]:
        """Iterate over the ids and dates."""
        return chain.from_iterable(self.stretches)

    @property
    def ids(self) -> list[str]:
        """The ids."""
        return [key for key, _ in self]

    def skip(self, key: str, offset: int) -> Skipped:
        """Name one of the items as skipped."""
        place = (ids := self.ids).index(key)
        before = ids[place - 1] if place else None
        after = next(iter(ids[place + 1 : place + 2]), None)
        return Skipped(offset=offset, id=key, before=before, after=after)
