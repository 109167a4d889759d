"""The columns of a table for the items of a list, and what becomes of an item in it.

Objects become structs, lists lists, dates timestamps. What has no fixed type (free-form objects,
fields of several types) becomes text: JSON, which the column's metadata say. What the columns do
not hold, because the API has gained it later or it is of another type there, is kept in one more
column, under its path in the item: nothing is lost.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import NoneType
from typing import Any, Literal, TypeAlias, get_args, get_origin

import msgspec
import pyarrow as pa
from msgspec import inspect

from .._declared import Model, declared, is_model
from ..dates import read_date, read_datetime
from ..errors import DestinationError
from ..masks import Mask

REST = "additional_properties"
"""The column of what the others do not hold: a JSON object."""

JSON = {b"format": b"json"}
"""The metadata of a column whose text is JSON."""

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
    inspect.EnumType: str,
    inspect.LiteralType: str,
    inspect.DateTimeType: dt.datetime,
    inspect.DateType: dt.date,
}
"""What msgspec says of a scalar -> its type."""

_OBJECTS = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)
_LISTS = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)

Rest: TypeAlias = dict[str, Any]
"""What the columns do not hold: its path -> the value."""

Reader: TypeAlias = Callable[[Any, Rest, str], Any]
"""Makes of a value what a column holds, or puts it aside under its name."""

_INT64 = range(-(2**63), 2**63)


def of_model(model: type[Model], mask: Mask | None) -> pa.Schema:
    """The columns of a model, or of what a mask wants of it."""
    return pa.schema(
        [*_fields_of_model(model, mask, ()), pa.field(REST, pa.string(), metadata=JSON)]
    )


def of_class(class_: type[Any]) -> pa.Schema:
    """The columns of a class that answers are decoded into, which has all that is wanted.

    Raises:
        DestinationError: It is written with a tag, for which there is no column.
    """
    return pa.schema([_field_of(one) for one in _untagged(inspect.type_info(class_)).fields])


class Rows:
    """Makes rows of a table of items.

    Args:
        schema: The columns.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._has_rest = REST in schema.names
        self._cells = _struct_reader([*schema])

    def row(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """An item as a row.

        Raises:
            DestinationError: A column cannot hold a value, and there is none for such values.
        """
        rest: Rest = {}
        cells: dict[str, Any] = self._cells(item, rest, "")
        if rest and not self._has_rest:
            name, value = next(iter(rest.items()))
            raise DestinationError(f"no column can hold {name}, which is {value!r:.80}")
        if rest:
            cells[REST] = _text(rest)
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


def _field(
    name: str, type_: Any, mask: Mask | None, above: tuple[type[Model], ...]
) -> pa.Field[Any]:
    found = _type(type_, mask, above)
    return pa.field(name, pa.string(), metadata=JSON) if found is None else pa.field(name, found)


def _type(type_: Any, mask: Mask | None, above: tuple[type[Model], ...]) -> pa.DataType | None:
    """The type of a column, None for JSON."""
    if (scalar := _SCALARS.get(type_)) is not None:
        return scalar
    if is_model(type_):
        # One that contains itself has no end.
        fields = [] if type_ in above else _fields_of_model(type_, mask, above)
        return pa.struct(fields) if fields else None
    if get_origin(type_) is list:
        return pa.list_(_field("element", get_args(type_)[0], mask, above))
    several = {_of_literal(one) for one in get_args(type_)} - {NoneType}
    return _type(several.pop(), mask, above) if len(several) == 1 else None


def _of_literal(type_: Any) -> Any:
    """The type of the values of an enum, which is open: a Literal or text."""
    values = {type(value) for value in get_args(type_)} if get_origin(type_) is Literal else set()
    return values.pop() if len(values) == 1 else type_


def _field_of(field: inspect.Field) -> pa.Field[Any]:
    return _inspected(field.encode_name, field.type)


def _untagged(info: Any) -> Any:
    if getattr(info, "tag", None) is not None:
        raise DestinationError(f"{info.cls.__name__} has a tag, for which there is no column")
    return info


def _inspected(name: str, info: inspect.Type) -> pa.Field[Any]:
    """The column for what a class says of a field."""
    while isinstance(info, inspect.UnionType):
        several = [one for one in info.types if not isinstance(one, inspect.NoneType)]
        if len(several) != 1:
            return pa.field(name, pa.string(), metadata=JSON)
        info = several[0]
    if type(info) in _INSPECTED:
        return pa.field(name, _SCALARS[_INSPECTED[type(info)]])
    if isinstance(info, _OBJECTS) and info.fields:
        return pa.field(name, pa.struct([_field_of(one) for one in _untagged(info).fields]))
    if isinstance(info, _LISTS):
        return pa.field(name, pa.list_(_inspected("element", info.item_type)))
    return pa.field(name, pa.string(), metadata=JSON)


def _reader(field: pa.Field[Any]) -> Reader:
    """What reads the values of a column. It is made once, for there are very many of them."""
    if field.metadata == JSON:
        return lambda value, _rest, _name: _text(value)
    if pa.types.is_struct(field.type):
        return _or_rest(_struct_reader([*field.type]), dict)
    if pa.types.is_list(field.type):
        return _or_rest(_list_reader(field.type.value_field), list)
    read = _READERS[field.type]

    def scalar(value: Any, rest: Rest, name: str) -> Any:
        try:
            return read(value)
        except (TypeError, ValueError, OverflowError):
            rest[name] = value
            return None

    return scalar


def _or_rest(read: Reader, kind: type) -> Reader:
    """What reads one kind of JSON, and puts aside what is of another."""

    def reader(value: Any, rest: Rest, name: str) -> Any:
        if type(value) is not kind:
            rest[name] = value
            return None
        inside: Rest = {}
        cell = read(value, inside, "")
        for below, odd in inside.items():
            rest[f"{name}.{below}"] = odd
        return cell

    return reader


def _struct_reader(fields: Sequence[pa.Field[Any]]) -> Reader:
    readers = {field.name: _reader(field) for field in fields}

    def struct(item: Mapping[str, Any], rest: Rest, _: str) -> dict[str, Any]:
        cells = {}
        for name, value in item.items():
            if (read := readers.get(name)) is None:
                rest[name] = value
            elif value is not None:
                cells[name] = read(value, rest, name)
        return cells

    return struct


def _list_reader(field: pa.Field[Any]) -> Reader:
    read = _reader(field)

    def elements(values: Sequence[Any], rest: Rest, _: str) -> list[Any]:
        return [
            None if value is None else read(value, rest, str(number))
            for number, value in enumerate(values)
        ]

    return elements


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _only(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value


def _integer(value: Any) -> int:
    number: int = _only(int, value)
    if number not in _INT64:  # Which would look at each of them for what is no int.
        raise OverflowError
    return number


def _number(value: Any) -> float:
    return float(value if type(value) is int else _only(float, value))


def _timestamp(value: Any) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        lenient = read_datetime(value)
        # What remembers its text is not what Arrow takes.
        moment = dt.datetime.combine(lenient.date(), lenient.timetz())
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    # At the ends of time there may be no such moment in UTC.
    return moment if moment.tzinfo is dt.UTC else moment.astimezone(dt.UTC)


def _day(value: Any) -> dt.date:
    day = read_date(value)
    return dt.date(day.year, day.month, day.day)


_READERS: dict[pa.DataType, Callable[[Any], Any]] = {
    pa.bool_(): partial(_only, bool),
    pa.int64(): _integer,
    pa.float64(): _number,
    pa.string(): partial(_only, str),
    pa.timestamp("us", tz="UTC"): _timestamp,
    pa.date32(): _day,
}
"""How JSON becomes what a column holds."""
