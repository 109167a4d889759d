"""The JSON of bodies: values as they are sent, answered objects as references to them."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from .._decoding.dates import write_date
from .._decoding.declared import Model
from .._decoding.grammar import alternatives
from .._views.view import View
from ..types import JsonObject


def to_json(value: object, *, is_id: bool = True) -> Any:
    """Convert a body, or a value of one of its fields, to JSON.

    Args:
        value: The value; an object that was answered becomes a reference to it.
        is_id: Whether an id is enough for a reference; otherwise the class is sent as well.
    """
    match value:
        case View():
            return _reference(value, is_id=is_id)
        case Model():
            return cast("Any", value).to_dict()
        case list() | tuple():
            return [to_json(item, is_id=is_id) for item in cast("list[object]", value)]
        case dict():
            return {key: to_json(item) for key, item in cast("JsonObject", value).items()}
        case dt.date():
            return write_date(value)
        case _:
            return value


def fits(value: object, type_: Any) -> bool:
    """Whether a value is of a declared type; of an enum, any text is."""
    for one in alternatives(type_):
        if one.kind == "list":
            if isinstance(value, list | tuple):
                return all(fits(item, one.item) for item in cast("list[object]", value))
        elif one.type in (int, float):
            if isinstance(value, (int, one.type)) and not isinstance(value, bool):
                return True
        elif isinstance(value, one.type):
            return True
    return False


def takes_ids(type_: Any) -> bool:
    """Whether a field takes the ids of the objects that it refers to."""
    types = alternatives(type_)
    return any(one.type is str or (one.kind == "list" and takes_ids(one.item)) for one in types)


def _reference(view: View, *, is_id: bool) -> JsonObject:
    """A reference to an object: its id, and its class if that is known or needed.

    Raises:
        MissingFieldError: It was answered without its id, or without its class.
    """
    wanted: Any = view
    json, reference = view.to_dict(), {"id": wanted.id}
    if "class" in json:
        return {"class": json["class"], **reference}
    if is_id:
        return reference
    # The caller may have derived a class from the model, which itself is derived from View.
    name = next(one.__name__ for one in type(view).__mro__ if View in one.__bases__)
    return {"class": wanted.class_ if name.endswith("Reference") else name, **reference}
