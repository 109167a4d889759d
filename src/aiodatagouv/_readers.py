"""Readers: functions that turn a JSON value into a value of a declared type, or refuse it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import NoneType
from typing import Any, Literal, Protocol, TypeAlias, cast, get_args, get_origin

from ._declared import alternatives, is_model
from ._place import Place, unreadable
from .dates import read_date, read_datetime
from .types import File

Reader: TypeAlias = Callable[[Any, Place], Any]
"""Reads a JSON value at a place; raises a ``DecodeError`` if it is of another type."""


class _Readable(Protocol):
    """A model that can be made of JSON."""

    def _read(self, value: Any, place: Place) -> Any:
        """See :data:`Reader`."""


SCALARS: dict[Any, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: (float, int),
    NoneType: (NoneType,),
    File: (File,),
}
"""A type without parts -> the Python types that its JSON has: those, and none of their children."""

_DATES: dict[Any, Callable[[str], Any]] = {dt.datetime: read_datetime, dt.date: read_date}


@cache
def reader_of(type_: Any) -> Reader:
    """The reader of a type: a model, a list, a scalar, a date, free-form JSON or a union."""
    if type_ is Any:
        return lambda value, _: copied(value)
    if alternatives(type_) != (type_,):
        return _union_reader(type_)
    origin = get_origin(type_)
    if origin in (list, Sequence):
        return _list_reader(get_args(type_)[0])
    if origin is dict:
        return _object_reader
    if type_ in _DATES:
        return _date_reader(_DATES[type_])
    if is_model(type_):
        return cast("_Readable", type_)._read
    return _scalar_reader(str if origin is Literal else type_)


def copied(value: Any) -> Any:
    """A shallow copy of a JSON list or object; any other value is returned as it is."""
    return value.copy() if type(value) in (dict, list) else value


def json_kinds(type_: Any) -> tuple[type, ...]:
    """The Python types that the JSON of a type has, for a type that is no union."""
    origin = get_origin(type_)
    if type_ is Any:
        return (str, bool, int, float, dict, list, NoneType)
    if origin in (list, Sequence):
        return (list,)
    if origin is dict or is_model(type_):
        return (dict,)
    return (str,) if type_ in _DATES or origin is Literal else SCALARS[type_]


def named(type_: Any) -> str:
    """A type in words, for errors."""
    if get_origin(type_) in (list, Sequence):
        return "a list"
    if get_origin(type_) is dict:
        return "an object"
    if is_model(type_):
        return f"an object ({type_.__name__})"
    if type_ in _DATES:
        return "a date"
    words = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    return words.get(str if get_origin(type_) is Literal else type_, "null")


def _scalar_reader(type_: Any) -> Reader:
    kinds = SCALARS[type_]

    def read(value: Any, place: Place) -> Any:
        if type(value) in kinds:
            return value
        raise unreadable(place, named(type_), value)

    return read


def _date_reader(read_text: Callable[[str], Any]) -> Reader:
    def read(value: Any, place: Place) -> Any:
        try:
            return read_text(value)
        except (TypeError, ValueError, OverflowError):
            raise unreadable(place, "a date", value) from None

    return read


def _object_reader(value: Any, place: Place) -> dict[str, Any]:
    if type(value) is dict:
        return cast("dict[str, Any]", value).copy()
    raise unreadable(place, "an object", value)


def _list_reader(item: Any) -> Reader:
    read_item = reader_of(item)

    def read(value: Any, place: Place) -> list[Any]:
        if type(value) is list:
            return [read_item(one, (place, index)) for index, one in enumerate(value)]
        raise unreadable(place, "a list", value)

    return read


def _union_reader(type_: Any) -> Reader:
    """The reader of a union, whose alternatives are told apart by their kinds of JSON."""
    readers: dict[type, Reader] = {}
    for one in alternatives(type_):
        if one is Any:
            return reader_of(Any)
        for kind in json_kinds(one):
            readers.setdefault(kind, reader_of(one))
    known: Mapping[type, Reader] = readers
    expected = " or ".join(dict.fromkeys(map(named, alternatives(type_))))

    def read(value: Any, place: Place) -> Any:
        found = known.get(type(value))
        if found is None:
            raise unreadable(place, expected, value)
        return found(value, place)

    return read
