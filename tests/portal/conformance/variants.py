"""What a portal of another time might answer: an answer of today, changed by its declared type."""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

from aiodatagouv._declared import declared
from aiodatagouv._view import View

Change = Callable[[type[View], dict[str, Any]], dict[str, Any]]
"""From the JSON of one object, whose parts are changed already, to the JSON of another."""


def with_enums_of_the_future(model: type[View], data: dict[str, Any]) -> dict[str, Any]:
    """Every value of an enum is one that nobody knows yet."""
    fields = declared(model)
    return {
        key: _other(value) if key in fields and literals(fields[key].type) else value
        for key, value in data.items()
    }


def with_unknown_fields(_: type[View], data: dict[str, Any]) -> dict[str, Any]:
    """Every object has fields that nobody knows yet."""
    return data | {"of_the_future": {"deep": [1, None, "é"]}, "class_": "kept", "x-y": None}


def without_optional_fields(model: type[View], data: dict[str, Any]) -> dict[str, Any]:
    """Every object has nothing but what its type says is always there."""
    fields = declared(model)
    return {key: value for key, value in data.items() if key in fields and not fields[key].absent}


CHANGES: list[Change] = [with_enums_of_the_future, with_unknown_fields, without_optional_fields]


def changed(change: Change, answer: object, data: Any) -> Any:
    """Change every object in the JSON of an answer, from the innermost outwards."""
    if isinstance(answer, list):
        pairs = zip(cast("list[object]", answer), data, strict=True)
        return [changed(change, item, one) for item, one in pairs]
    if not isinstance(answer, View):
        return data
    parts = {
        key: changed(change, getattr(answer, field.name), data[key])
        for key, field in declared(type(answer)).items()
        if key in data
    }
    return change(type(answer), data | parts)


def literals(type_: Any) -> list[str]:
    """The declared values of an enum, be it in a list."""
    if get_origin(type_) is Literal:
        return [*get_args(type_)]
    if get_origin(type_) in (Union, UnionType, list):
        return [value for argument in get_args(type_) for value in literals(argument)]
    return []


def _other(value: Any) -> Any:
    if isinstance(value, list):
        return [_other(item) for item in value]
    return value + "-of-the-future" if isinstance(value, str) else value
