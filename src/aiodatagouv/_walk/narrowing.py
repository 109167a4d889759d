"""Narrowing: fetches a page without the items in it that the portal cannot send.

One object that cannot be serialised makes every page with it a 500 or a 400, for ever. Once the
retry policy has given up on a page, its halves are asked for, then theirs, down to single items. An
item that fails alone, twice, is left out, and the rest of the page is taken.

In a page of 100, one such item costs at most 20 more requests: two for each size, a few because
pages start at multiples of their size, and four for the item: twice itself, twice its id alone. At
the end of a stable walk, six ask for it again. Only the page itself is retried through the policy
after a 500; everything else, such as 429 or a broken connection, follows the policy always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Generic

from attrs import evolve, fields, frozen

from .._call.caller import Caller
from ..errors import APIError, DataGouvError, NotFoundError, OrderError
from ..operation import Operation
from ..retry import RetryPolicy
from .broken import MOST, Block, Piece, agree, blocks, is_broken, joined, lost
from .pages import Batch, Fetch, PageT
from .skipped import Skipped

TRIES = 20
"""Readings of a page, or of an item, until two in a row agree."""


@frozen
class Narrowing(Generic[PageT]):
    """Fetches pages of a list, and takes those apart that the portal cannot send.

    Attributes:
        operation: The operation's name, for errors.
        fetch: Fetches a page.
        probe: Fetches a page; a 500 is not retried.
        name: Fetches only the ids of a page, likewise; None if the items have none.
        join: Joins decoded pages.
        page_size: Items a page.
        is_steady: Whether a page that is taken apart must be as it was at one moment.
        keeps_places: Whether broken items keep their places; see :func:`.broken.joined`.
    """

    operation: str
    fetch: Fetch[PageT]
    probe: Fetch[PageT]
    name: Fetch[Any] | None
    join: Callable[[list[PageT]], PageT]
    page_size: int
    is_steady: bool = False
    keeps_places: bool = False

    async def page(self, number: int, size: int | None) -> Batch[PageT]:
        """Fetch a page; its ``skipped`` are the items that are left out.

        Args:
            number: The number of the page.
            size: Items a page, None for the usual number. A single item was in a broken page
                before: it is taken apart at once.

        Raises:
            APIError: The portal cannot send the page, and it is not due to a few items: more than
                :data:`.broken.MOST` are broken, no item near them can be sent, or the request is a
                wrong one.
            OrderError: The list changes too often for a page of one moment.
            NotFoundError: The page is past the end.
        """
        is_suspect, size = size == 1, size or self.page_size
        try:
            if not is_suspect:
                return await self.fetch(number, size)
            return await self.probe(number, size)
        except APIError as error:
            if not is_broken(error):
                raise
            cause = error
        if cause.status == 400 and not await self._has_ids(number, size):
            raise cause
        while True:
            start, end = (number - 1) * size, number * size
            try:
                pieces, total = await self._pieces(start, end, cause), 0
                if not any(piece.batch is not None and piece.batch.ids for piece in pieces):
                    total = await self._total(start, end, cause)
            except _OtherSizeError as other:
                if not 0 < other.size < size:
                    raise cause from None
                size = other.size  # The portal limits it: this is the page that it could not send.
                continue
            skipped = lost(pieces)
            if skipped and not self.keeps_places and not is_suspect:
                skipped = await self._with_edges(skipped, start, end)
            return joined(
                pieces,
                skipped,
                self.join,
                size=size,
                total=total,
                keeps_places=self.keeps_places,
            )

    async def _has_ids(self, number: int, size: int) -> bool:
        """Whether the portal sends the ids of a page: the request itself is not a wrong one."""
        if self.name is None:
            return False
        try:
            await self.name(number, size)
        except APIError as error:
            if not is_broken(error):
                raise
            return False
        return True

    async def _pieces(self, start: int, end: int, cause: APIError) -> list[Piece[PageT]]:
        """Read a stretch of the list in pieces."""
        pieces = await self._read(blocks(start, end), cause)
        if not self.is_steady:
            return pieces
        # The pieces are read at different moments, and no page can overlap a broken item: an item
        # could move from one to another meanwhile, and be missed. If each piece reads the same
        # twice, all of them were so at the moment between the two readings: as if in one page.
        for _ in range(TRIES):
            rest = blocks(pieces[-1].block.end, end)
            again = await self._read([*(piece.block for piece in pieces), *rest], cause)
            if agree(pieces, again):
                return again
            pieces = again
        raise OrderError(self.operation, "changes too often near an item that cannot be sent")

    async def _read(self, wanted: Iterable[Block], cause: APIError) -> list[Piece[PageT]]:
        """Read blocks in order, to the end of the list; halve those that cannot be sent."""
        pieces = list[Piece[PageT]]()
        left = [*wanted][::-1]
        while left:
            block = left.pop()
            try:
                piece = await (self._item(block) if block.size == 1 else self._block(block))
            except NotFoundError:
                if not pieces:
                    raise
                piece = Piece(block)
            if piece is None:
                left += reversed(block.halves())
                continue
            pieces.append(piece)
            if sum(one.is_lost for one in pieces) > MOST:
                raise cause
            if piece.is_last:
                break
        return pieces

    async def _block(self, block: Block) -> Piece[PageT] | None:
        """Read a block; None if it cannot be sent."""
        try:
            batch = await self.probe(block.number, block.size)
        except APIError as error:
            if not is_broken(error):
                raise
            return None
        if batch.size != block.size:
            raise _OtherSizeError(batch.size)
        return Piece(block, batch)

    async def _item(self, block: Block) -> Piece[PageT]:
        """Read a single item, which is lost if it cannot be sent twice.

        If its place has the same id both times, that item was asked for: none has moved there only
        between the calls.
        """
        for _ in range(TRIES):
            names = list[Piece[PageT]]()
            for _ in range(2):
                piece = await self._block(block)
                if piece is not None:
                    return piece
                name = await self._name(block.offset)
                names.append(Piece(block, is_lost=True, name=name))
            if names[0].id == names[1].id:
                return names[1]
        if self.is_steady:
            raise OrderError(self.operation, "changes too often near an item that cannot be sent")
        return Piece(block, is_lost=True)

    async def _name(self, offset: int) -> Batch[Any] | None:
        """The id of a single item alone; None if the portal does not send that either."""
        if self.name is None:
            return None
        try:
            return await self.name(offset + 1, 1)
        except NotFoundError:
            return None
        except APIError as error:
            if not is_broken(error):
                raise
            return None

    async def _total(self, start: int, end: int, cause: APIError) -> int:
        """The number of items in the list, by an item near a page of which all are lost.

        Raises:
            APIError: None of those can be sent either: nothing shows that the portal works at all.
        """
        for distance in range(MOST):
            for offset in (start - 1 - distance, end + distance):
                if offset < 0:
                    continue
                with suppress(NotFoundError):
                    piece = await self._block(Block(offset, 1))
                    if piece is not None and piece.batch is not None and piece.batch.ids:
                        return piece.batch.total
        raise cause

    async def _with_edges(self, skipped: list[Skipped], start: int, end: int) -> list[Skipped]:
        """Name the neighbours of the first and the last item of a page, which are in others."""
        first, last = skipped[0], skipped[-1]
        if first.before is None and start and (name := await self._name(start - 1)):
            skipped = [evolve(one, before=one.before or _id(name)) for one in skipped]
        if last.after is None and (name := await self._name(end)):
            skipped = [evolve(one, after=one.after or _id(name)) for one in skipped]
        return skipped


class _OtherSizeError(Exception):
    """The portal has answered a page of another size."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@frozen(kw_only=True)
class _Impatient(RetryPolicy):
    """The decisions of another policy, except that a 500 is not retried."""

    policy: RetryPolicy

    def wait(self, operation: Operation, error: DataGouvError, **facts: Any) -> float | None:
        if is_broken(error):
            return None
        return self.policy.wait(operation, error, **facts)

    def backoff(self, attempt: int, jitter: float) -> float:
        return self.policy.backoff(attempt, jitter)


def impatient(client: Caller) -> Caller:
    """A client that does not retry a 500, and is otherwise as another."""
    policy = client._options.retry
    limits = {one.name: getattr(policy, one.name) for one in fields(RetryPolicy)}
    return client._derived(retry=_Impatient(**limits, policy=policy))


def _id(name: Batch[Any]) -> str | None:
    return name.ids[0] if name.ids else None
