"""The merge of changed items into an existing file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, Self

from attrs import define, field, frozen

from ..._walk.pages import Batch
from ...errors import DestinationError
from .._lines.lines import Lines
from ..sinks import FileSink
from ..writer import COMMIT

_BATCH = 100
"""Rows that are written in one call."""


@define
class Changes:
    """Items that may have changed, kept in a temporary file.

    Attributes:
        offsets: The id of each item -> its offset and length in the file.
    """

    _file: BinaryIO
    offsets: dict[str, tuple[int, int]] = field(factory=dict[str, tuple[int, int]])

    @classmethod
    @contextmanager
    def within(cls, folder: Path | None) -> Generator[Self]:
        """Open a temporary file in a folder, since /tmp may be too small, or else there."""
        with tempfile.TemporaryFile(dir=folder) as file:
            yield cls(file)

    def add(self, batch: Batch[Lines], new: list[int]) -> None:
        """Store the items at some indexes of a page; items without an id are skipped."""
        for index in new:
            key, line = batch.ids[index], batch.page[index]
            if key is not None:
                self.offsets[key] = (self._file.seek(0, os.SEEK_END), len(line))
                self._file.write(line)

    def keep(self, ids: Collection[str]) -> None:
        """Forget the items that have other ids."""
        self.offsets = {key: place for key, place in self.offsets.items() if key in ids}

    def take(self, key: str) -> bytes:
        """Remove an item and return it."""
        offset, length = self.offsets.pop(key)
        self._file.seek(offset)
        return self._file.read(length)


@frozen
class There:
    """The contents of a file before it is updated.

    Attributes:
        ids: The ids of the items that have rows.
        empty: The ids of the items that are known to have none.
        rows: The number of rows.
    """

    ids: set[str]
    empty: set[str]
    rows: int

    @classmethod
    def of(cls, sink: FileSink, empty: Collection[str]) -> There:
        """Read the ids of a file.

        Args:
            sink: The file.
            empty: The ids of the items that its harvest has found without a row.

        Raises:
            DestinationError: It has other contents than the harvest, or the rows of an item are not
                together.
        """
        ids, rows = set[str](), 0
        for key, group in groupby(sink.keys()):
            if key in ids:
                raise DestinationError(
                    f"the rows of {key:.64} are not together in the file: harvest all anew, "
                    "without since"
                )
            ids.add(key)
            rows += sum(1 for _ in group)
        return cls(ids, {*empty} - ids, rows)

    @property
    def known(self) -> set[str]:
        """The ids of all items."""
        return self.ids | self.empty

    def without(self, present: Collection[str]) -> Merged | None:
        """The outcome of a merge without changed or new items; None if rows must be removed.

        Args:
            present: The ids of the items that exist.
        """
        current = {*present}
        if not self.ids <= current:
            return None
        empty = self.empty & current
        return Merged(len(self.ids) + len(empty), self.rows, empty)


@define
class Merged:
    """The outcome of a merge.

    Attributes:
        items: Items of the list in the file, with those that have no row.
        rows: Rows in it.
        empty: The ids of the items without a row.
        added: The ids of the items that had no row, and were not known to have none.
        changed: The ids of the items that had other rows.
        removed: The number of items with rows that no longer exist.
    """

    items: int = 0
    rows: int = 0
    empty: set[str] = field(factory=set[str])
    added: set[str] = field(factory=set[str])
    changed: set[str] = field(factory=set[str])
    removed: int = 0

    @property
    def is_different(self) -> bool:
        """Whether the file has other rows than before."""
        return bool(self.added or self.changed or self.removed)


def groups(sink: FileSink) -> Iterator[tuple[str, list[Any]]]:
    """Iterate over the items of an existing file, each with its rows."""
    for key, group in groupby(sink.existing(), key=itemgetter(0)):
        yield key, [row for _, row in group]


def merge(
    sink: FileSink,
    there: There,
    changes: Changes,
    present: Collection[str],
    explode: Callable[[bytes], list[bytes]] | None,
    check: Callable[[], object],
) -> Merged:
    """Write an existing file again, with changes, and without the items that are gone.

    All rows of a changed item are replaced together; new items come at the end.

    Args:
        sink: The file.
        there: Its contents.
        changes: The items that may have changed, or are new; they are taken.
        present: The ids of the items that exist, in order of creation.
        explode: Makes the rows of an item, unless each item is one.
        check: Called before each item; raises an error if the work is to be abandoned.

    Raises:
        DecodeError: An item cannot be made into rows.
        DestinationError: The file has other contents than the harvest.
    """
    merged, current = Merged(), {*present, *changes.offsets}
    merged.empty = there.empty & current
    pending: list[Any] = []
    batches = 0

    def write(rows: Iterable[Any]) -> None:
        nonlocal batches
        check()
        merged.items += 1
        for row in rows:
            merged.rows += 1
            pending.append(row)
            if len(pending) == _BATCH:
                sink.write_rows(pending)
                pending.clear()
                batches += 1
                if batches % COMMIT == 0:
                    sink.commit()

    def taken(key: str) -> list[Any]:
        item = changes.take(key)
        rows = sink.rows([item] if explode is None else explode(item))
        (merged.empty.discard if rows else merged.empty.add)(key)
        return rows

    sink.open(None)
    for key, before in groups(sink):
        if key in changes.offsets:
            rows = taken(key)
            if before == rows:
                rows = before  # In the notation that they have.
            else:
                merged.changed.add(key)
            if rows:
                write(rows)
        elif key in current:
            write(before)
        else:
            merged.removed += 1
    # New items, in order of creation.
    for key in (*present, *changes.offsets):
        if key in changes.offsets and (rows := taken(key)):
            (merged.changed if key in there.empty else merged.added).add(key)
            write(rows)
    sink.write_rows(pending)
    merged.items += len(merged.empty)
    return merged
