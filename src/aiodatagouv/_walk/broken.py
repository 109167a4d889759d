"""A page that the portal cannot send, taken apart: the smaller pages, and what they say together.

Decisions only: :mod:`.narrowing` makes the calls. A *block* is a page whose size is a power of two.
Its halves are pages as well, and any stretch of a list consists of few blocks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic

from attrs import frozen

from ..errors import APIError
from .pages import Batch, PageT
from .skipped import Skipped

MOST = 10
"""Items of a page that may be broken. If there are more, the portal is, and not an object."""

NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
"""The date of an item without one: the portal sorts it before all others."""


STATUSES = frozenset({400, 500})
"""The statuses that an item may cause: udata answers 400 if the type of a value is wrong, 500 for
other failures. All other statuses are about the portal, a proxy, or the request."""


def is_broken(error: Exception) -> bool:
    """Whether an error may be due to an item."""
    return isinstance(error, APIError) and error.status in STATUSES


@frozen
class Block:
    """A page of a list whose size is a power of two.

    Attributes:
        offset: The number of items before it, a multiple of its size.
        size: The number of items in it.
    """

    offset: int
    size: int

    @property
    def number(self) -> int:
        """The number of the page."""
        return self.offset // self.size + 1

    @property
    def end(self) -> int:
        """The offset of the first item behind it."""
        return self.offset + self.size

    def halves(self) -> list[Block]:
        """The two blocks that it consists of."""
        half = self.size // 2
        return [Block(self.offset, half), Block(self.offset + half, half)]


def blocks(start: int, end: int) -> Iterator[Block]:
    """The largest blocks that a stretch of a list consists of, in order."""
    while start < end:
        size = 1 << ((end - start).bit_length() - 1)
        while start % size:
            size //= 2
        yield Block(start, size)
        start += size


@frozen
class Piece(Generic[PageT]):
    """The portal's answer for a block.

    Attributes:
        block: The block.
        batch: Its items; None if they are lost, or there are none because the list has ended.
        is_lost: Whether it is a single item that the portal cannot send.
        name: The answer with the id of a lost item alone, if the portal sends that.
    """

    block: Block
    batch: Batch[PageT] | None = None
    is_lost: bool = False
    name: Batch[Any] | None = None

    @property
    def answer(self) -> Batch[Any] | None:
        """The answer that has the numbers of the list, if there is one."""
        return self.batch or self.name

    @property
    def id(self) -> str | None:
        """The id of a lost item, if it is known."""
        return self.name.ids[0] if self.name is not None and self.name.ids else None

    @property
    def is_last(self) -> bool:
        """Whether the list is known to end with it."""
        if self.answer is None:
            return not self.is_lost
        return not self.answer.has_more

    @property
    def content(self) -> tuple[frozenset[str | None], bool]:
        """The ids in it and whether it is lost: equal for equal answers."""
        ids = [self.id] if self.batch is None else self.batch.ids
        return frozenset(ids), self.is_lost


def agree(one: Sequence[Piece[Any]], other: Sequence[Piece[Any]]) -> bool:
    """Whether two readings of the same blocks have found the same."""
    return [(piece.block, piece.content) for piece in one] == [
        (piece.block, piece.content) for piece in other
    ]


def lost(pieces: Sequence[Piece[Any]]) -> list[Skipped]:
    """The lost items among some pieces, with the nearest known ids around each."""
    ids = list[str | None]()
    places = list[tuple[int, Piece[Any]]]()
    for piece in pieces:
        if piece.is_lost:
            places.append((len(ids), piece))
            ids.append(piece.id)
        elif piece.batch is not None:
            ids += piece.batch.ids
    return [
        Skipped(
            offset=piece.block.offset,
            id=piece.id,
            before=next((one for one in reversed(ids[:place]) if one), None),
            after=next((one for one in ids[place + 1 :] if one), None),
        )
        for place, piece in places
    ]


def joined(
    pieces: Sequence[Piece[PageT]],
    skipped: Sequence[Skipped],
    join: Callable[[list[PageT]], PageT],
    *,
    size: int,
    total: int = 0,
    keeps_places: bool = False,
) -> Batch[PageT]:
    """The page that some pieces make together.

    Args:
        pieces: The pieces, at least one of them.
        skipped: The lost items among them.
        join: Joins their decoded pages.
        size: The number of items a page, as the portal counts.
        total: The number of items in the list, if no piece knows it.
        keeps_places: Whether a lost item keeps its place among the ids and dates, with its id or
            None, and the date of the item before it.
    """
    answers = [piece.answer for piece in pieces if piece.answer is not None]
    last = pieces[-1]
    if answers:
        total = answers[-1].total
    elif not last.is_lost:  # All that is known is where the list ends.
        total = last.block.offset
    has_more = last.block.end < total if last.answer is None else last.answer.has_more
    ids, dates = list[str | None](), list[dt.datetime | None]()
    for piece in pieces:
        if piece.batch is not None:
            ids += piece.batch.ids
            dates += piece.batch.dates
        elif piece.is_lost and keeps_places:
            ids.append(piece.id)
            dates.append(None)
    return Batch(
        join([piece.batch.page for piece in pieces if piece.batch is not None]),
        ids,
        total,
        size,
        has_more=has_more and not last.is_last,
        dates=_filled(dates, is_start=pieces[0].block.offset == 0),
        skipped=tuple(skipped),
        is_whole=False,
        marks=[one for piece in pieces if piece.batch is not None for one in piece.batch.marks],
    )


def _filled(dates: list[dt.datetime | None], *, is_start: bool) -> list[dt.datetime]:
    """Give lost items the date of the item before them.

    The first items of a page have none before them. At the start of the list, they come before all
    dates; elsewhere they get the next date, so that the page does not seem to reach further back
    than it is known to.
    """
    first = NEVER if is_start else next((date for date in dates if date is not None), NEVER)
    filled = list[dt.datetime]()
    for date in dates:
        filled.append(date or (filled[-1] if filled else first))
    return filled
