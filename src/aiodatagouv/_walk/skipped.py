"""The items that a walk leaves out because the portal cannot send them, and the words for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from attrs import define, field, frozen

_NAMED = 3
"""Items that a reason names; a report has all of them."""


@frozen(kw_only=True)
class Skipped:
    """An item that the portal cannot send: it answers 500 to every page with that item.

    Attributes:
        offset: Its place in the list when it was found there: the number of items before it.
        id: Its id; None if the portal does not send that either.
        before: The id of the item before it, None if there is none or it is unknown.
        after: The id of the item after it, likewise.
    """

    offset: int
    id: str | None = None
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        name = "an item without a known id" if self.id is None else self.id
        around = [f"after {self.before}"] if self.before else []
        around += [f"before {self.after}"] if self.after else []
        return ", ".join([f"{name} at offset {self.offset}", *around])


@define
class Distinct:
    """The skipped items of stretches that overlap, each once, in the order in which they come.

    Attributes:
        items: The items.
    """

    items: list[Skipped] = field(factory=list[Skipped])
    _known: set[tuple[str, str]] = field(factory=set[tuple[str, str]])
    _here: set[tuple[str, str]] = field(factory=set[tuple[str, str]])

    def add(self, item: Skipped) -> bool:
        """Add an item, unless a stretch before had it: with its id or, without one, beside an id.

        Returns:
            Whether it is new.
        """
        around = {"before": item.before, "after": item.after}
        names = {"id": item.id} if item.id is not None else around
        known = {(kind, one) for kind, one in names.items() if one is not None}
        self._here |= known
        if is_new := self._known.isdisjoint(known):
            self.items.append(item)
        return is_new

    def end_stretch(self) -> None:
        """Begin the next stretch: items beside the same id in one stretch are different ones."""
        self._known |= self._here


def read_skipped(records: Iterable[Skipped | dict[str, Any]]) -> tuple[Skipped, ...]:
    """Skipped items, as they are or as JSON."""
    return tuple(one if isinstance(one, Skipped) else Skipped(**one) for one in records)


def merged(
    known: Iterable[Skipped], found: Iterable[Skipped], written: Collection[str | None]
) -> tuple[Skipped, ...]:
    """Add skipped items to those known, each id once.

    Args:
        known: The items known.
        found: The items of another page.
        written: The ids of items that were written: they could be sent elsewhere after all.
    """
    ids = set[str]()
    kept = list[Skipped]()
    for one in (*known, *found):
        if one.id is None:
            kept.append(one)
        elif one.id not in ids and one.id not in written:
            ids.add(one.id)
            kept.append(one)
    return tuple(kept)


def reason_of(skipped: Sequence[Skipped]) -> str:
    """The items that the portal cannot send, in words."""
    named = "; ".join(str(one) for one in skipped[:_NAMED])
    more = f"; and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    return f"the portal cannot send {named}{more}"
