"""Readers: functions that turn a JSON value into a value of a declared type, or refuse it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias, cast

from .dates import read_date, read_datetime
from .grammar import Alternative, alternatives, words_of
from .place import Place, unreadable

Reader: TypeAlias = Callable[[Any, Place], Any]
"""Reads a JSON value at a place; raises a ``DecodeError`` if it is of another type."""


@cache
def reader_of(type_: Any) -> Reader:
    """The reader of a declared type.

    Raises:
        TypeError: JSON has no values of such a type.
    """
    several = alternatives(type_)
    if any(one.kind == "any" for one in several):
        return lambda value, _: copied(value)
    return _reader_of(*several) if len(several) == 1 else _union_reader(type_)


def copied(value: Any) -> Any:
    """Copy a JSON list or object, not deeply; return any other value as it is."""
    return value.copy() if type(value) in (dict, list) else value


def _reader_of(one: Alternative) -> Reader:
    match one.kind:
        case "model":
            return cast("Reader", one.type._read)
        case "list":
            return _list_reader(one)
        case "date":
            return _date_reader(one)
        case _:
            return _plain_reader(one)


def _plain_reader(one: Alternative) -> Reader:
    kinds, expected, is_object = one.json_types, one.words, one.kind == "object"

    def read(value: Any, place: Place) -> Any:
        if type(value) in kinds:
            return value.copy() if is_object else value
        raise unreadable(place, expected, value)

    return read


def _date_reader(one: Alternative) -> Reader:
    read_text: Callable[[str], Any] = read_datetime if one.type is dt.datetime else read_date

    def read(value: Any, place: Place) -> Any:
        try:
            return read_text(value)
        except (TypeError, ValueError, OverflowError):
            raise unreadable(place, one.words, value) from None

    return read


def _list_reader(one: Alternative) -> Reader:
    read_item = reader_of(one.item)

    def read(value: Any, place: Place) -> list[Any]:
        if type(value) is list:
            return [read_item(item, (place, index)) for index, item in enumerate(value)]
        raise unreadable(place, one.words, value)

    return read


def _union_reader(type_: Any) -> Reader:
    """The reader of a union, whose alternatives are told apart by the types of their JSON."""
    readers: dict[type, Reader] = {}
    for one in alternatives(type_):
        for kind in one.json_types:
            readers.setdefault(kind, _reader_of(one))
    known: Mapping[type, Reader] = readers
    expected = words_of(type_)

    def read(value: Any, place: Place) -> Any:
        found = known.get(type(value))
        if found is None:
            raise unreadable(place, expected, value)
        return found(value, place)

    return read
