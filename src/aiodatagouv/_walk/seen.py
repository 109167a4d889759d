"""The items of a walk that were seen before: the removal of duplicates."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from ..errors import DecodeError

REPEATS = 100
"""Pages in a row without a new item after which a list does not end, whatever its total."""


@define
class Seen:
    """The ids of the items that a walk has yielded.

    Attributes:
        ids: The ids.
        repeats: The latest pages without a new item.
    """

    ids: set[str] = field(factory=set[str])
    repeats: int = 0

    def new(self, ids: Sequence[str | None]) -> list[int]:
        """Add the ids of a page; return the indexes of new ones, and of each None.

        Raises:
            DecodeError: The portal repeats its pages.
        """
        indexes = []
        for index, key in enumerate(ids):
            if key is None or key not in self.ids:
                indexes.append(index)
            if key is not None:
                self.ids.add(key)
        self.repeats = 0 if indexes else self.repeats + 1
        if self.repeats > REPEATS:
            found = f"{self.repeats} pages in a row without any"
            raise DecodeError(found, path="$.data", expected="new items on further pages")
        return indexes
