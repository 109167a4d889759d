"""The JSON of bodies: each value as it is sent, objects that were answered as references."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal, Protocol, cast, get_args, get_origin

from ._declared import Model, alternatives
from ._view import View
from .dates import write_date
from .types import JsonObject

GENERATED = "aiodatagouv.models"


class _Sent(Protocol):
    """A body."""

    def to_dict(self) -> JsonObject:
        """The JSON object that is sent."""
        ...


def to_json(value: object, *, is_id: bool = True) -> Any:
    """The JSON of a body, or of a value of one of its fields.

    Args:
        value: The value; an object that was answered stands for a reference to it.
        is_id: Whether its id is enough for a reference; else the class is sent as well.
    """
    match value:
        case View():
            return _reference(value, is_id=is_id)
        case Model():
            return cast("_Sent", value).to_dict()
        case list() | tuple():
            return [to_json(item, is_id=is_id) for item in cast("list[object]", value)]
        case dict():
            return {key: to_json(item) for key, item in cast("JsonObject", value).items()}
        case dt.date():
            return write_date(value)
        case _:
            return value


def fits(value: object, type_: Any) -> bool:
    """Whether a value is of a type of a field; of an enum any text is."""
    if type_ is Any:
        return True
    for one in alternatives(type_):
        origin = get_origin(one)
        if origin in (list, Sequence):
            if isinstance(value, list | tuple):
                return all(fits(item, get_args(one)[0]) for item in cast("list[object]", value))
        elif one in (int, float):
            if isinstance(value, (int, one)) and not isinstance(value, bool):
                return True
        elif isinstance(value, str if origin is Literal else origin or one):
            return True
    return False


def takes_ids(type_: Any) -> bool:
    """Whether a field takes the ids of the objects that it refers to."""
    types = alternatives(type_)
    return str in types or any(takes_ids(inner) for one in types for inner in get_args(one))


def _reference(view: View, *, is_id: bool) -> JsonObject:
    """A reference to an object: its id, and its class if that is known or needed.

    Raises:
        MissingFieldError: It was answered without its id, or without the class that it has.
    """
    wanted: Any = view
    reference = {"id": wanted.id}
    if is_id and "class" not in view.to_dict():
        return reference
    # The user may have made a child of the model.
    name = next(one.__name__ for one in type(view).__mro__ if one.__module__.startswith(GENERATED))
    is_itself = "class" not in view.to_dict() and not name.endswith("Reference")
    return {"class": name if is_itself else wanted.class_, **reference}
