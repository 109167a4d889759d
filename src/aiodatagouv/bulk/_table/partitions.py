"""Partitions of a table: the folder of each row, and the columns that its name replaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import DestinationError
from .hive import DIGITS, Key, folder_of, value_of

_PLAIN = (pa.string(), pa.int64(), pa.bool_(), pa.date32())
"""The types of columns that rows are partitioned by as they are."""

_DATES = (pa.timestamp("us", tz="UTC"), pa.date32())

_LONGEST = 255
"""The most bytes of the name of a folder."""


class Partitions:
    """The partitions of a table.

    Attributes:
        columns: The numbers of the columns by which rows are partitioned.
        schema: The columns in the files: a column that is the name of the folders is left out, as
            readers would have it twice.
    """

    def __init__(self, keys: Sequence[Key], schema: pa.Schema, id_column: str | None) -> None:
        """Check the keys.

        Args:
            keys: What to partition by.
            schema: The columns of the table.
            id_column: The column by which rows are identified, if there is one.

        Raises:
            ValueError: Rows cannot be partitioned so.
        """
        for key in keys:
            _check(key, schema, id_column)
        self.columns = sorted({schema.get_field_index(key.path[0]) for key in keys})
        self._keys, self._whole = keys, schema
        self._replaced = {
            key.name: depth
            for depth, key in enumerate(keys)
            if len(key.path) == 1 and key.function is None
        }
        self.schema = pa.schema([one for one in schema if one.name not in self._replaced])
        for key in keys:
            if key.name in self.schema.names:
                raise ValueError(
                    f"partition_by: {key} would be named {key.name}, which is a column already"
                )
        self._names: list[dict[Any, str]] = [{} for _ in keys]

    def __str__(self) -> str:
        return ", ".join(map(str, self._keys))

    @property
    def null(self) -> str:
        """The folder of rows that have no value by which they are partitioned."""
        return "/".join(folder_of(key.name, None) for key in self._keys)

    def folders(self, batch: pa.RecordBatch) -> list[str]:
        """The folder of each row, with slashes.

        Raises:
            DestinationError: A value is too long for the name of a folder.
        """
        parts: list[list[str]] = []
        for key, names in zip(self._keys, self._names, strict=True):
            values = _values(key, batch)
            for value in {*values} - names.keys():
                names[value] = _named(key, value)
            parts.append([names[value] for value in values])
        return parts[0] if len(parts) == 1 else ["/".join(row) for row in zip(*parts, strict=True)]

    def stored(self, table: pa.Table) -> pa.Table:
        """Rows without the columns that the names of folders replace."""
        return table.select(self.schema.names)

    def as_read(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Rows as :meth:`restored` reads them once they are stored: empty text is no value."""
        arrays = [
            pc.if_else(pc.equal(column, pa.scalar("")), None, column)
            if name in self._replaced and column.type == pa.string()
            else column
            for name, column in zip(self._whole.names, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._whole)

    def restored(self, batch: pa.RecordBatch, folder: str) -> pa.RecordBatch:
        """Rows of a file with all columns."""
        steps, count = folder.split("/"), batch.num_rows
        arrays = [
            _constant(value_of(steps[self._replaced[one.name]]), one.type, count)
            if one.name in self._replaced
            else batch.column(one.name)
            for one in self._whole
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._whole)


def _check(key: Key, schema: pa.Schema, id_column: str | None) -> None:
    """Check that a key has one value for each row, and several rows have the same."""
    field: Any = None
    known: Any = schema
    for step in key.path:
        if known is None or step not in (names := [one.name for one in known]):
            every = [*_paths(schema)]
            near = get_close_matches(key.column, every, n=1, cutoff=0)
            hint = f": did you mean {near[0]}?" if near else ""
            raise ValueError(f"partition_by: there is no column {key.column}{hint}")
        field = known.field(names.index(step))
        known = field.type if pa.types.is_struct(field.type) else None
    type_, name = field.type, key.column
    wrong = None
    if pa.types.is_list(type_) or pa.types.is_struct(type_):
        wrong = f"is a {'list' if pa.types.is_list(type_) else 'struct'}, not a single value"
        wrong += (
            ""
            if pa.types.is_list(type_)
            else f": name a field of it, such as {name}.{known.field(0).name}"
        )
    elif field.metadata is not None:
        wrong = "is JSON, not a single value"
    elif name == id_column:
        wrong = "identifies the rows: each would have a folder of its own"
    elif key.function is not None and type_ not in _DATES:
        wrong = f"is no date, of which {key.function} could be taken, but {type_}"
    elif key.function is None and type_ == _DATES[0]:
        wrong = f"has a time of day: take {', '.join(f'{one}({name})' for one in DIGITS)}"
    elif key.function is None and type_ not in _PLAIN:
        wrong = f"is {type_}, of which folders cannot be named"
    if wrong is not None:
        raise ValueError(f"partition_by: {name} {wrong}")


def _paths(fields: Any, above: str = "") -> Iterator[str]:
    """The dotted paths of all single values."""
    for field in fields:
        if pa.types.is_struct(field.type):
            yield from _paths(field.type, f"{above}{field.name}.")
        elif not pa.types.is_list(field.type) and field.metadata is None:
            yield f"{above}{field.name}"


def _values(key: Key, batch: pa.RecordBatch) -> list[Any]:
    """The value of a key in each row, as text, except that functions of dates are applied."""
    found: Any = batch.column(key.path[0])
    for step in key.path[1:]:
        found = pc.struct_field(found, step)
    if pa.types.is_timestamp(found.type):
        found = found.cast(pa.timestamp("us"))  # In UTC; with a zone, Arrow would need its rules.
    if key.function is not None:
        days = found.cast(pa.date32()).cast(pa.string())
        found = pc.utf8_slice_codeunits(days, 0, DIGITS[key.function])
    values: list[Any] = found.cast(pa.string()).to_pylist()
    return values


def _named(key: Key, value: str | None) -> str:
    folder = folder_of(key.name, value)
    if len(folder.encode()) > _LONGEST:
        raise DestinationError(
            f"partition_by: the value {(value or '')[:40]!r}... of {key.column} is too long for the"
            f" name of a folder, {_LONGEST} bytes: partition by another column"
        )
    return folder


def _constant(text: str | None, type_: Any, count: int) -> Any:
    """A column with the same value in each row."""
    if text is None:
        return pa.nulls(count, type_)
    value: Any = pa.scalar(text, pa.string()).cast(type_)
    return pa.repeat(value, count)
