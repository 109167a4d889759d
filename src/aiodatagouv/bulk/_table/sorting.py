"""Sorting of rows that do not fit into memory, by keys that do.

The keys of all rows give the order. Then the rows of each row group are gathered from the record
batches that have them: few, if the keys are mostly in order already, as ids are in order of
creation. If they are scattered, the rows are first distributed to files, each with the rows of some
consecutive row groups, as often as it takes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from attrs import define, frozen

from .batches import POOL, joined
from .pieces import ArrowFile, Stored, batches_of, free, read

_READS = 2
"""How often a record batch may be read on average, before rows are distributed to files."""

_FILES = 64
"""The most files that rows are distributed to at once."""

_DISTRIBUTED = 8 << 20
"""Approximate bytes of rows that are distributed at once: few take more time, and many memory."""


@frozen
class Ordering:
    """How rows are sorted: by their folders, then by a column, then as they were.

    Attributes:
        columns: The numbers of the columns that are needed to sort.
        key: The name of the column; None for none.
        folders: Returns the folders of the rows of a record batch; None if there are no folders.
        size: Approximate bytes of a row group in memory.
    """

    columns: Sequence[int]
    key: str | None
    folders: Callable[[pa.RecordBatch], list[str]] | None
    size: int


@frozen
class Group:
    """The rows of a row group, by their places in the order.

    Attributes:
        folder: Their folder; "" if there are none.
        start: The place of the first one.
        stop: The place after the last one.
    """

    folder: str
    start: int
    stop: int


def sorted_tables(
    stored: Sequence[Stored], ordering: Ordering, scratch: Callable[[], tuple[Path, ArrowFile]]
) -> Iterator[tuple[str, pa.Table]]:
    """Iterate over rows in order, in tables of the size of a row group.

    Args:
        stored: The record batches with the rows.
        ordering: How to sort them.
        scratch: Creates a file to distribute rows to.

    Yields:
        The folder of some rows, and the rows.
    """
    index = _Index.of(stored, ordering)
    free()  # The keys are no longer needed.
    if not index.is_scattered():
        for group in index.groups:
            yield group.folder, index.gather(group)
        return
    paths = index.distribute(scratch)
    del index  # The next ones need its memory.
    free()
    for path in paths:
        yield from sorted_tables(batches_of(path), ordering, scratch)
        path.unlink()


@define
class _Index:
    """The places of rows.

    Attributes:
        stored: The record batches.
        groups: The row groups.
        order: The numbers of all rows, in order.
        source: The number of the record batch of each row, in order.
        row: Its number there.
    """

    stored: Sequence[Stored]
    groups: list[Group]
    order: Any
    source: Any
    row: Any

    @classmethod
    def of(cls, stored: Sequence[Stored], ordering: Ordering) -> _Index:
        """Read the keys of all rows, and sort them."""
        numbers: dict[str, int] = {}
        parts: dict[str, list[Any]] = {"folder": [], "key": [], "source": [], "row": []}
        sizes: list[int] = []
        for source, (batch, size) in enumerate(read(stored, ordering.columns)):
            count = batch.num_rows
            names = [""] * count if ordering.folders is None else ordering.folders(batch)
            folders = [numbers.setdefault(name, len(numbers)) for name in names]
            parts["folder"].append(_numbers(folders))
            if ordering.key is not None:
                parts["key"].append(batch.column(ordering.key))
            parts["source"].append(pa.repeat(pa.scalar(source, pa.int32()), count, POOL))
            parts["row"].append(_numbers(range(count)))
            sizes.append(size // count)
        if not stored:
            nothing = _numbers([])
            return cls(stored, [], nothing, nothing, nothing)
        # The folders in order.
        names = sorted(numbers)
        ranks = _numbers([names.index(name) for name in numbers])
        rank = _take(ranks, _whole(parts.pop("folder")))
        keys: dict[str, Any] = {"folder": rank}
        if ordering.key is not None:
            keys["key"] = pa.chunked_array(parts.pop("key"))
        order = _sorting(keys)
        del keys
        sources, rows = (_take(_whole(parts.pop(name)), order) for name in ("source", "row"))
        each = _take(pa.array(sizes, pa.int64()), sources)
        totals = pc.cumulative_sum(each, memory_pool=POOL)
        groups = _groups(names, _take(rank, order), totals, ordering.size)
        return cls(stored, groups, order, sources, rows)

    def is_scattered(self) -> bool:
        """Whether gathering the row groups would read most record batches many times."""
        reads = sum(
            len(self.source.slice(group.start, group.stop - group.start).unique())
            for group in self.groups
        )
        return reads > _READS * len(self.stored) + len(self.groups)

    def gather(self, group: Group) -> pa.Table:
        """Read the rows of a row group, in order."""
        count = group.stop - group.start
        source = self.source.slice(group.start, count)
        row = self.row.slice(group.start, count)
        as_stored = _sorting({"source": source, "row": row})
        rows = self._rows_at(_take(source, as_stored), _take(row, as_stored))
        if as_stored.equals(pa.array(range(count), pa.uint64())):
            return pa.Table.from_batches(rows)
        return _reordered(rows, _inverse(as_stored))

    def distribute(self, scratch: Callable[[], tuple[Path, ArrowFile]]) -> list[Path]:
        """Write the rows of consecutive row groups to files, and return their paths."""
        each = -(-len(self.groups) // _FILES)
        stops = [group.stop for group in self.groups[each - 1 :: each]]
        if len(self.groups) % each:
            stops.append(self.groups[-1].stop)
        files = [scratch() for _ in stops]
        places = _inverse(self.order)  # Of all rows, as they are stored.
        start = 0
        try:
            for batch in self._joined(_DISTRIBUTED):
                there = places.slice(start, batch.num_rows)
                start += batch.num_rows
                order = _inverse(there)
                there = _take(there, order)
                low = 0
                for (_, file), stop in zip(files, stops, strict=True):
                    high = bisect_left(there, stop, key=_number)
                    if high > low:
                        file.add(_take(batch, order.slice(low, high - low)))
                    low = high
            for _, file in files:
                file.finish()
        finally:
            for _, file in files:
                file.close()
        return [path for path, _ in files]

    def _rows_at(self, source: Any, row: Any) -> list[pa.RecordBatch]:
        """Read rows by their places, which are in the order in which they are stored."""
        parts: list[pa.RecordBatch] = []
        start = 0
        runs = [*_runs(source)]
        batches = read(self.stored[number] for number, _ in runs)
        for (batch, _), (_, stop) in zip(batches, runs, strict=True):
            parts.append(_taken(batch, row.slice(start, stop - start)))
            start = stop
        return parts

    def _joined(self, size: int) -> Iterator[pa.RecordBatch]:
        """Iterate over all rows as they are stored, in record batches of at least some bytes."""
        pending: list[pa.RecordBatch] = []
        count = 0
        for batch, batch_size in read(self.stored):
            pending.append(batch)
            count += batch_size
            if count >= size:
                yield joined(pending, batch.schema)
                pending.clear()
                count = 0
        if pending:
            yield joined(pending, pending[0].schema)


def _groups(names: Sequence[str], ranks: Any, sizes: Any, most: int) -> list[Group]:
    """Divide rows into row groups of equal size, none of them in two folders.

    Args:
        names: The folders.
        ranks: The number of the folder of each row, ascending.
        sizes: The size of all rows up to each one.
        most: Approximate bytes of a row group.
    """
    groups: list[Group] = []
    start = before = 0
    for rank, stop in _runs(ranks):
        size = _number(sizes[stop - 1]) - before
        count = max(1, round(size / most))
        for part in range(1, count + 1):
            share = before + size * part / count
            end = bisect_left(sizes, share, start, stop - 1, key=_number) + 1
            end = stop if part == count else end
            if end > start:
                groups.append(Group(names[rank], start, end))
                start = end
        before += size
    return groups


def _sorting(keys: dict[str, Any]) -> Any:
    """The numbers of rows in the order of some columns, the first one first."""
    by: list[tuple[str, Literal["ascending"]]] = [(name, "ascending") for name in keys]
    return pc.sort_indices(pa.table(keys), sort_keys=by, memory_pool=POOL)


def _inverse(numbers: Any) -> Any:
    """The places of numbers in their order: of a permutation, the inverse."""
    return pc.sort_indices(numbers, memory_pool=POOL)


def _take(rows: Any, numbers: Any) -> Any:
    """The rows of these numbers."""
    return pc.take(rows, numbers, memory_pool=POOL)


def _reordered(parts: list[pa.RecordBatch], numbers: Any) -> pa.Table:
    """The rows of parts in another order. The list is emptied, so that copied columns are freed."""
    table = pa.Table.from_batches(parts)
    parts.clear()
    schema = table.schema
    columns: list[Any] = []
    for _ in schema:
        chunks = table.column(0)
        table = table.remove_column(0)
        column = chunks.combine_chunks(POOL)
        del chunks
        columns.append(_take(column, numbers))
    return pa.Table.from_arrays(columns, schema=schema)


def _whole(parts: list[Any]) -> Any:
    """Arrays one after the other."""
    return pa.concat_arrays(parts, POOL)


def _numbers(values: Iterable[int]) -> Any:
    return pa.array(values, pa.int32(), memory_pool=POOL)


def _runs(values: Any) -> Iterator[tuple[int, int]]:
    """The values that follow each other, and the number of rows up to the last of each."""
    runs: Any = pc.call_function("run_end_encode", [values])
    return zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True)


def _taken(batch: pa.RecordBatch, rows: Any) -> pa.RecordBatch:
    """Some rows of a record batch, in its order; most of them, if consecutive, are not copied."""
    first, count = _number(rows[0]), len(rows)
    if _number(rows[-1]) - first + 1 == count and count * 2 >= batch.num_rows:
        return batch.slice(first, count)
    taken: pa.RecordBatch = _take(batch, rows)
    return taken


def _number(scalar: Any) -> int:
    number: int = scalar.as_py()
    return number
