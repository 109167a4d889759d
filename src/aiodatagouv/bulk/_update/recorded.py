"""The changes of a list, read once and kept in a file for the updates of all its parts."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
from attrs import frozen

from ..._walk.pages import Batch
from ...errors import OrderError, UnknownOrderError
from .._lines.lines import Lines


@frozen
class Recorded:
    """The changes of a list since a date. It can be pickled.

    Attributes:
        path: The file.
        began: When they began to be read, by the portal's clock. Later changes may be missing: the
            next update of a part must read those since then.
        problem: Why the list could not be read in order of changes, if it could not.
        is_unknown: Whether the portal does not know that order.
    """

    path: Path
    began: dt.datetime
    problem: str | None = None
    is_unknown: bool = False

    async def batches(self, operation: str) -> AsyncGenerator[Batch[Lines]]:
        """Iterate over the pages of the changes.

        Raises:
            OrderError: The list could not be read in order of changes.
        """
        decoder = msgspec.json.Decoder(Page)
        with self.path.open("rb") as file:
            for line in file:
                page = decoder.decode(line)
                # It is neither the last page, nor one of any size.
                yield Batch(page.items, page.ids, page.total, len(page.ids), True, page.dates)
        if self.problem is not None:
            raise (UnknownOrderError if self.is_unknown else OrderError)(operation, self.problem)


class Page(msgspec.Struct):
    """A line of the file: a page of changes.

    Attributes:
        items: The items.
        ids: Their ids.
        dates: The dates of their changes.
        total: The number of items that the list had.
    """

    items: Lines
    ids: list[str | None]
    dates: list[dt.datetime]
    total: int

    @classmethod
    def of(cls, batch: Batch[Lines]) -> Page:
        """The page of a batch."""
        return cls(batch.page, [*batch.ids], [*batch.dates], batch.total)
