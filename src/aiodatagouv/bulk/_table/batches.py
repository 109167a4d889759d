"""The conversion of items into record batches, column by column.

msgspec decodes an item into structs whose attributes are the columns, and refuses values of another
type. Each column is then made of all its values at once, without an object for each row. Items that
are refused, or whose values Arrow cannot convert, take the slower path of :class:`columns.Rows`,
which keeps what fits no column. Both give the same values; the notation of a number in JSON may
differ.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain, groupby
from operator import attrgetter
from typing import Annotated, Any, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from .._lines.lines import item_of
from . import columns

POOL = pa.system_memory_pool()
"""Arrow's default pool would keep memory that is no longer used."""

_Build: TypeAlias = Callable[[Sequence[Any]], Any]
"""Makes an Arrow array of the values of a column."""

_TYPES: dict[pa.DataType, Any] = {
    pa.bool_(): bool,
    pa.int64(): Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    pa.float64(): int | float,  # As it came: decoded as a float, a large integer would be rounded.
    pa.string(): str,
    pa.timestamp("us", tz="UTC"): str,
    pa.date32(): str,
}
"""The type of a column -> the type of its values in JSON."""

_READERS: dict[pa.DataType, tuple[pa.DataType, Callable[[Any], Any], int, int]] = {
    pa.timestamp("us", tz="UTC"): (
        pa.int64(),
        columns.read_timestamp,
        -62_100_000_000_000_000,
        253_370_000_000_000_000,
    ),
    pa.date32(): (pa.int32(), columns.read_day, -718_000, 2_932_000),
}
"""The type of a date -> its integers, its slow reader, and the limits within which Arrow's reader
agrees with it: from the year 2 to the year 9998."""

_NULL = b"null"

_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class Batches:
    """Converts items into record batches.

    Args:
        schema: The columns.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self._rows = columns.Rows(schema)
        fields = columns.fields_of(schema)
        self._has_rest = len(fields) < len(schema)
        self._struct = _struct_of(fields)
        self._decode = msgspec.json.Decoder(self._struct).decode
        self._children = _children_builder(fields)

    def batch(self, items: Sequence[bytes]) -> pa.RecordBatch:
        """Convert items, which are JSON objects.

        Raises:
            DestinationError: A column cannot hold a value, and there is no column for the rest.
        """
        structs = [self._decoded(item) for item in items]
        runs = groupby(zip(items, structs, strict=True), lambda pair: pair[1] is None)
        batches: list[pa.RecordBatch] = []
        for is_odd, pairs in runs:
            run = [*pairs]
            if is_odd:
                batches.append(self._slowly([item for item, _ in run]))
            else:
                batches += self._quickly(run)
        return joined(batches, self.schema)

    def _decoded(self, item: bytes) -> Any:
        """The struct of an item, None if it does not fit."""
        try:
            return self._decode(item)
        except msgspec.ValidationError:
            return None

    def _quickly(self, run: list[tuple[bytes, Any]]) -> Iterator[pa.RecordBatch]:
        """Convert items column by column; those with a value that cannot be, one by one."""
        try:
            arrays = self._children([struct for _, struct in run])
        except (ValueError, OverflowError, msgspec.ValidationError):  # Of Arrow, a date, a number.
            if len(run) == 1:
                yield self._slowly([run[0][0]])
                return
            middle = len(run) // 2
            yield from self._quickly(run[:middle])
            yield from self._quickly(run[middle:])
        else:
            rest = [pa.nulls(len(run), pa.string(), POOL)] if self._has_rest else []
            yield pa.RecordBatch.from_arrays([*arrays, *rest], schema=self.schema)

    def _slowly(self, items: list[bytes]) -> pa.RecordBatch:
        """Convert items one by one."""
        rows = [self._rows.row(item_of(item)) for item in items]
        return pa.RecordBatch.from_pylist(rows, schema=self.schema)


def joined(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    """Join record batches into one."""
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches, schema).combine_chunks(memory_pool=POOL)
    whole = table.to_batches()
    return whole[0] if whole else pa.RecordBatch.from_pylist([], schema=schema)


def _struct_of(fields: Sequence[pa.Field[Any]]) -> type[msgspec.Struct]:
    """A struct with an attribute for each column, numbered since any name may be a column's."""
    names = {f"_{number}": field.name for number, field in enumerate(fields)}
    attributes = [(name, _type_of(field), None) for name, field in zip(names, fields, strict=True)]
    return msgspec.defstruct("Row", attributes, rename=names, forbid_unknown_fields=True, gc=False)


def _type_of(field: pa.Field[Any]) -> Any:
    """The type of a column's values in JSON."""
    if field.metadata == columns.JSON:
        return msgspec.Raw
    if pa.types.is_struct(field.type):
        return _struct_of([*field.type]) | None
    if pa.types.is_list(field.type):
        return types.GenericAlias(list, (_type_of(field.type.value_field),)) | None
    return _TYPES[field.type] | None


def _builder(field: pa.Field[Any]) -> _Build:
    """The builder of a column, made once."""
    if field.metadata == columns.JSON:
        return _texts
    if pa.types.is_struct(field.type):
        return _or_nulls(_struct_builder([*field.type]), field.type)
    if pa.types.is_list(field.type):
        return _or_nulls(_list_builder(field.type), field.type)
    if field.type in _READERS:
        return _or_nulls(_date_builder(field.type), field.type)

    def column(values: Sequence[Any]) -> Any:
        return pa.array(values, field.type, memory_pool=POOL)

    return _or_nulls(column, field.type)


def _or_nulls(build: _Build, type_: Any) -> _Build:
    """A builder that has less to do for a column without values."""

    def column(values: Sequence[Any]) -> Any:
        if values[0] is None and values.count(None) == len(values):
            return pa.nulls(len(values), type_, POOL)
        return build(values)

    return column


def _texts(values: Sequence[Any]) -> Any:
    """A column of JSON, written as compactly as :func:`columns.text_of` does."""
    listed = b"[%b]" % b",".join(_NULL if value is None else value for value in values)
    compact = _LIST.decode(msgspec.json.format(listed, indent=-1))
    texts = [None if text == _NULL else text for text in map(bytes, compact)]
    if b"\\" in listed:
        texts = [_unescaped(text) if text and b"\\" in text else text for text in texts]
    return pa.array(texts, pa.string(), memory_pool=POOL)


def _unescaped(text: bytes) -> bytes:
    """JSON without escapes that are not needed."""
    return columns.text_of(msgspec.json.decode(text)).encode()


def _children_builder(fields: Sequence[pa.Field[Any]]) -> Callable[[Sequence[Any]], list[Any]]:
    """The builder of the columns of structs, none of which is null."""
    columns_of = [(attrgetter(f"_{number}"), _builder(one)) for number, one in enumerate(fields)]

    def children(structs: Sequence[Any]) -> list[Any]:
        return [build([*map(get, structs)]) for get, build in columns_of]

    return children


def _struct_builder(fields: Sequence[pa.Field[Any]]) -> _Build:
    children = _children_builder(fields)
    blank = _struct_of(fields)()

    def struct(values: Sequence[Any]) -> Any:
        mask = None
        if None in values:
            mask = _mask(values)
            values = [blank if value is None else value for value in values]
        return pa.StructArray.from_arrays(
            children(values), fields=[*fields], mask=mask, memory_pool=POOL
        )

    return struct


def _list_builder(type_: Any) -> _Build:
    build = _builder(type_.value_field)
    nothing = pa.array([], type_.value_type)

    def lists(values: Sequence[Any]) -> Any:
        ends = accumulate((len(value) if value else 0 for value in values), initial=0)
        inside = [*chain.from_iterable(value for value in values if value)]
        elements = build(inside) if inside else nothing
        mask = _mask(values) if None in values else None
        offsets = pa.array(ends, pa.int32(), memory_pool=POOL)
        return pa.ListArray.from_arrays(offsets, elements, type=type_, pool=POOL, mask=mask)

    return lists


def _mask(values: Sequence[Any]) -> Any:
    """Whether each value is null."""
    return pa.array([value is None for value in values], memory_pool=POOL)


def _date_builder(type_: pa.DataType) -> _Build:
    numbers, read, earliest, latest = _READERS[type_]

    def dates(values: Sequence[Any]) -> Any:
        try:
            cells = pa.array(values, pa.string(), memory_pool=POOL).cast(type_, memory_pool=POOL)
        except pa.ArrowInvalid:
            pass  # In another notation.
        else:
            limits: Any = pc.min_max(cells.view(numbers)).as_py()
            if earliest <= limits["min"] and limits["max"] <= latest:
                return cells
        moments = [None if one is None else read(one) for one in values]
        return pa.array(moments, type_, memory_pool=POOL)

    return dates
