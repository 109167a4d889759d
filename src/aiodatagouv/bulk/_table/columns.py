"""The columns of a table, and the conversion of items into its rows.

Objects become structs, lists lists, dates timestamps. Fields without a fixed type (free-form
objects, several types) become text: JSON, as the metadata of the column say. Values that no column
can hold, because the API gained the field later or sends another type, are kept in one more column
under their path in the item: nothing is lost.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa
from attrs import evolve
from msgspec import inspect

from ..._decoding.dates import read_date, read_datetime
from ..._decoding.declared import Model, declared
from ..._decoding.grammar import alternatives
from ...errors import DestinationError
from ...types import Mask

REST = "additional_properties"
"""The column for values that no other column can hold: a JSON object."""

JSON = {b"format": b"json"}
"""The metadata of a column whose text is JSON."""

_REST_FIELD = pa.field(REST, pa.string(), metadata={**JSON, b"content": b"rest"})
"""The column of that name; its metadata tell it from a field of the same name."""

_SCALARS: dict[Any, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    dt.datetime: pa.timestamp("us", tz="UTC"),
    dt.date: pa.date32(),
}

_INSPECTED: dict[type[inspect.Type], Any] = {
    inspect.BoolType: bool,
    inspect.IntType: int,
    inspect.FloatType: float,
    inspect.DecimalType: str,
    inspect.StrType: str,
    inspect.DateTimeType: dt.datetime,
    inspect.DateType: dt.date,
}
"""The type of a scalar in msgspec -> in Python."""

_OBJECTS = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)
_LISTS = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)

Rest: TypeAlias = dict[str, Any]
"""Values that no column can hold, by their paths."""

Converter: TypeAlias = Callable[[Any, Rest, str], Any]
"""Converts a value for a column, or puts it aside under its name."""

_INT64 = range(-(2**63), 2**63)


def fields_of(schema: pa.Schema) -> list[pa.Field[Any]]:
    """The columns without that of the rest."""
    return [field for field in schema if field.metadata != _REST_FIELD.metadata]


def is_key(schema: pa.Schema, name: str) -> bool:
    """Whether there is a column of this name with ids, by which rows can be sorted."""
    column = schema.field(name) if name in schema.names else None
    return column is not None and column.type in (pa.string(), pa.int64()) and not column.metadata


def of_model(model: type[Model], mask: Mask | None) -> pa.Schema:
    """The columns of a model, narrowed down by a mask."""
    return pa.schema([*_fields_of_model(model, mask, ()), _REST_FIELD])


def of_class(class_: type[Any]) -> pa.Schema:
    """The columns of a class that items are decoded into.

    Raises:
        DestinationError: It has a msgspec tag, for which there is no column.
    """
    return pa.schema([_field_of(one) for one in _untagged(inspect.type_info(class_)).fields])


def of_flat(model: type[Model], mask: Mask, path: Sequence[str], prefix: str) -> pa.Schema:
    """The columns of a flat table: those of an item, and those of the objects in a list of it.

    Args:
        model: The model of the item.
        mask: The fields asked for, the list among them.
        path: The path of the list.
        prefix: The text before the names of the item's columns.
    """
    own, objects = _apart(_fields_of_model(model, mask, ()), path)
    named = [field.with_name(f"{prefix}{field.name}") for field in own]
    return pa.schema([*named, *objects, _REST_FIELD])


class Rows:
    """Converts items into rows of a table.

    Args:
        schema: The columns.
    """

    def __init__(self, schema: pa.Schema) -> None:
        fields = fields_of(schema)
        self._has_rest = len(fields) < len(schema)
        self._cells = _struct_converter(fields)

    def row(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Convert an item.

        Raises:
            DestinationError: A column cannot hold a value, and there is no column for the rest.
        """
        rest: Rest = {}
        cells: dict[str, Any] = self._cells(item, rest, "")
        if rest and not self._has_rest:
            name, value = next(iter(rest.items()))
            key = item.get("id")
            raise DestinationError(
                f"no column can hold {name}, which is {value!r:.80}, of the item "
                + (f"{key:.64}" if isinstance(key, str) else f"{text_of(item):.80}")
            )
        if rest:
            cells[REST] = text_of(rest)
        return cells


def _fields_of_model(
    model: type[Model], mask: Mask | None, above: tuple[type[Model], ...]
) -> list[pa.Field[Any]]:
    known = declared(model)
    wanted = known if mask is None or "*" in mask else mask
    inside = mask or {}
    return [
        _field(name, known[name].type, inside.get(name), (*above, model))
        for name in known
        if name in wanted
    ]


def _apart(
    fields: Sequence[pa.Field[Any]], path: Sequence[str]
) -> tuple[list[pa.Field[Any]], list[pa.Field[Any]]]:
    """The columns without the list at a path, and the columns of its objects."""
    name, *below = path
    own: list[pa.Field[Any]] = []
    objects: list[pa.Field[Any]] = []
    for field in fields:
        if field.name != name:
            own.append(field)
        elif below:
            inside, objects = _apart([*field.type], below)
            own += [pa.field(name, pa.struct(inside))] if inside else []
        elif pa.types.is_struct(field.type.value_type):
            objects = [*field.type.value_type]
    return own, objects


def _field(
    name: str, type_: Any, mask: Mask | None, above: tuple[type[Model], ...]
) -> pa.Field[Any]:
    found = _type(type_, mask, above)
    return pa.field(name, pa.string(), metadata=JSON) if found is None else pa.field(name, found)


def _type(type_: Any, mask: Mask | None, above: tuple[type[Model], ...]) -> pa.DataType | None:
    """The type of a column, None for JSON."""
    # An enum is open: its values, or any text.
    several = {evolve(one, values=()) for one in alternatives(type_) if one.kind != "null"}
    if len(several) != 1:
        return None
    (one,) = several
    if one.kind == "list":
        return pa.list_(_field("element", one.item, mask, above))
    if one.kind == "model":
        # A model that contains itself would have no end.
        fields = [] if one.type in above else _fields_of_model(one.type, mask, above)
        return pa.struct(fields) if fields else None
    return _SCALARS.get(one.type)


def _field_of(field: inspect.Field) -> pa.Field[Any]:
    return _inspected(field.encode_name, field.type)


def _untagged(info: Any) -> Any:
    if getattr(info, "tag", None) is not None:
        raise DestinationError(f"{info.cls.__name__} has a tag, for which there is no column")
    return info


def _kinds(info: inspect.Type) -> set[Any]:
    """The types of scalars in Python, if a type has any."""
    if isinstance(info, inspect.EnumType):
        return {type(one.value) for one in info.cls}
    if isinstance(info, inspect.LiteralType):
        return {type(one) for one in info.values if one is not None}
    return {_INSPECTED[type(info)]} if type(info) in _INSPECTED else set()


def _inspected(name: str, info: inspect.Type) -> pa.Field[Any]:
    """The column for a field of a class."""
    while isinstance(info, inspect.UnionType):
        several = [one for one in info.types if not isinstance(one, inspect.NoneType)]
        if len(several) != 1:
            return pa.field(name, pa.string(), metadata=JSON)
        info = several[0]
    kinds = _kinds(info)
    if len(kinds) == 1:
        return pa.field(name, _SCALARS[kinds.pop()])
    if isinstance(info, _OBJECTS) and info.fields:
        return pa.field(name, pa.struct([_field_of(one) for one in _untagged(info).fields]))
    if isinstance(info, _LISTS):
        return pa.field(name, pa.list_(_inspected("element", info.item_type)))
    return pa.field(name, pa.string(), metadata=JSON)


def _converter(field: pa.Field[Any]) -> Converter:
    """The converter of a column's values, made once for all of them."""
    if field.metadata == JSON:
        return lambda value, _rest, _name: text_of(value)
    if pa.types.is_struct(field.type):
        return _or_rest(_struct_converter([*field.type]), dict)
    if pa.types.is_list(field.type):
        return _or_rest(_list_converter(field.type.value_field), list)
    read = _CONVERTERS[field.type]

    def scalar(value: Any, rest: Rest, name: str) -> Any:
        try:
            return read(value)
        except (TypeError, ValueError, OverflowError):
            rest[name] = value
            return None

    return scalar


def _or_rest(read: Converter, kind: type) -> Converter:
    """A converter of one kind of JSON that puts other kinds aside."""

    def converter(value: Any, rest: Rest, name: str) -> Any:
        if type(value) is not kind:
            rest[name] = value
            return None
        inside: Rest = {}
        cell = read(value, inside, "")
        for below, odd in inside.items():
            rest[f"{name}.{below}"] = odd
        return cell

    return converter


def _struct_converter(fields: Sequence[pa.Field[Any]]) -> Converter:
    converters = {field.name: _converter(field) for field in fields}

    def struct(item: Mapping[str, Any], rest: Rest, _: str) -> dict[str, Any]:
        cells = {}
        for name, value in item.items():
            if (read := converters.get(name)) is None:
                # A dot in a name is no step of a path.
                rest[name.replace("\\", r"\\").replace(".", r"\.")] = value
            elif value is not None:
                cells[name] = read(value, rest, name)
        return cells

    return struct


def _list_converter(field: pa.Field[Any]) -> Converter:
    read = _converter(field)

    def elements(values: Sequence[Any], rest: Rest, _: str) -> list[Any]:
        return [
            None if value is None else read(value, rest, str(number))
            for number, value in enumerate(values)
        ]

    return elements


def text_of(value: Any) -> str:
    """A value as JSON."""
    return msgspec.json.encode(value).decode()


def _only(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value


def _integer(value: Any) -> int:
    number: int = _only(int, value)
    if number not in _INT64:  # A range compares other types one by one.
        raise OverflowError
    return number


def _number(value: Any) -> float:
    number = float(value if type(value) is int else _only(float, value))
    if number != value:  # It has more digits than a float.
        raise OverflowError
    return number


def read_timestamp(value: Any) -> dt.datetime:
    """Read a date and time, in UTC.

    Raises:
        ValueError, OverflowError, TypeError: It is not one, or is too early or late for UTC.
    """
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        lenient = read_datetime(value)
        # Arrow does not take a subclass.
        moment = dt.datetime.combine(lenient.date(), lenient.timetz())
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    # Near the first and last year, the time in UTC may not exist.
    return moment if moment.tzinfo is dt.UTC else moment.astimezone(dt.UTC)


def read_day(value: Any) -> dt.date:
    """Read a date.

    Raises:
        ValueError, TypeError: It is not one.
    """
    day = read_date(value)
    return dt.date(day.year, day.month, day.day)


_CONVERTERS: dict[pa.DataType, Callable[[Any], Any]] = {
    pa.bool_(): partial(_only, bool),
    pa.int64(): _integer,
    pa.float64(): _number,
    pa.string(): partial(_only, str),
    pa.timestamp("us", tz="UTC"): read_timestamp,
    pa.date32(): read_day,
}
"""The type of a column -> the converter of its values."""
