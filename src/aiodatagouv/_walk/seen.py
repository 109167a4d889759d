"""The items of a walk that were seen before: the removal of duplicates."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field


@define
class Seen:
    """The ids of the items that a walk has yielded."""

    ids: set[str] = field(factory=set[str])

    def new(self, ids: Sequence[str | None]) -> list[int]:
        """Add ids; return the indexes of those that were not seen before, and of each None."""
        indexes = []
        for index, key in enumerate(ids):
            if key is None or key not in self.ids:
                indexes.append(index)
            if key is not None:
                self.ids.add(key)
        return indexes
