"""Changes to a response, as another release might make them, derived from its declared type."""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

from aiodatagouv._decoding.declared import declared
from aiodatagouv._views.view import View

Change = Callable[[type[View], dict[str, Any]], dict[str, Any]]
"""Converts the JSON of an object of a model, whose nested objects are already changed."""


def with_enums_of_the_future(model: type[View], data: dict[str, Any]) -> dict[str, Any]:
    """Replace every enum value by an undeclared one."""
    fields = declared(model)
    return {
        key: _other(value) if key in fields and literals(fields[key].type) else value
        for key, value in data.items()
    }


def with_unknown_fields(_: type[View], data: dict[str, Any]) -> dict[str, Any]:
    """Add undeclared fields to the object."""
    return data | {"of_the_future": {"deep": [1, None, "é"]}, "class_": "kept", "x-y": None}


def without_optional_fields(model: type[View], data: dict[str, Any]) -> dict[str, Any]:
    """Remove the undeclared fields and those that are declared to be absent at times."""
    fields = declared(model)
    return {key: value for key, value in data.items() if key in fields and not fields[key].absent}


CHANGES: list[Change] = [with_enums_of_the_future, with_unknown_fields, without_optional_fields]


def changed(change: Change, answer: object, data: Any) -> Any:
    """Change every object in the JSON of a response, innermost first."""
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
    """Return the declared values of an enum, or of the enum in a list or union."""
    if get_origin(type_) is Literal:
        return [*get_args(type_)]
    if get_origin(type_) in (Union, UnionType, list):
        return [value for argument in get_args(type_) for value in literals(argument)]
    return []


def _other(value: Any) -> Any:
    if isinstance(value, list):
        return [_other(item) for item in value]
    return value + "-of-the-future" if isinstance(value, str) else value
