"""From an answered object to a body: the JSON that leaves the object as it is."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from .._decoding.declared import Declared, Model, declared, required
from .._decoding.grammar import Alternative, alternatives
from .._decoding.place import Place, mask_at
from .._decoding.readers import reader_of
from .._views.view import View
from ..types import UNSET, JsonObject


def sendable(view: View, model: type[Model], changed: Set[str]) -> JsonObject:
    """The fields of an object that a body takes and that sending leaves unchanged.

    Args:
        view: The object, as it was answered.
        model: The body.
        changed: The keys of fields that are not wanted.

    Raises:
        DecodeError: A field is of another type than declared.
    """
    json, mask = view.to_dict(), mask_at(view._place)
    fields = declared(model)
    kept = {
        key: value
        for key, value in json.items()
        if key in fields
        and key not in changed
        # Sending a part of an object back deletes the rest of it; a reference has no rest.
        and (mask is None or mask.get(key) is None or _is_reference(value, fields[key].type))
    }
    return _object(kept, model, type(view), view._place)


def _object(value: JsonObject, sent: type[Model], read: type[Model], place: Place) -> JsonObject:
    known = declared(read)
    parts = {
        key: _value(value[key], field.type, known[key].type if key in known else Any, (place, key))
        for key, field in declared(sent).items()
        if key in value and not _is_apart(field, value[key])
    }
    return {key: part for key, part in parts.items() if part is not UNSET}


def _value(value: Any, sent: Any, read: Any, place: Place) -> Any:
    """Convert a JSON value; UNSET if the answer has another form than the body.

    Args:
        value: The value.
        sent: The type of the body's field.
        read: The type of the answer's field.
        place: The place of the value.
    """
    if any(one.kind == "any" for one in alternatives(sent)):
        return value
    for one in alternatives(sent):
        if type(value) not in one.json_types:
            continue
        if one.kind == "list":
            item = next((of.item for of in alternatives(read) if of.kind == "list"), Any)
            items = [_value(each, one.item, item, (place, n)) for n, each in enumerate(value)]
            return UNSET if UNSET in items else items
        if _is_body(one):
            views = (of.type for of in alternatives(read) if of.kind == "model")
            parts = _object(value, one.type, next(views, one.type), place)
            # An object of nulls, or without a required field, is not worth sending.
            is_whole = parts.keys() >= {*required(one.type)}
            return parts if is_whole and any(each is not None for each in parts.values()) else UNSET
        return value
    if any(type(value) in one.json_types for one in alternatives(read)):
        return UNSET
    return reader_of(sent)(value, place)


def _is_body(one: Alternative) -> bool:
    return one.kind == "model" and not issubclass(one.type, View)


def _is_reference(value: Any, type_: Any) -> bool:
    """Whether a value is a reference to an object, or a list of references."""
    types = [*alternatives(type_)]
    types += [item for one in types if one.kind == "list" for item in alternatives(one.item)]
    values = value if isinstance(value, list) else [value]
    has_ids = all(isinstance(one, dict) and "id" in one for one in values)
    return has_ids and any(one.kind == "model" and issubclass(one.type, View) for one in types)


def _is_apart(field: Declared, value: Any) -> bool:
    return field.apart is True or ("null" if value is None else value) in field.apart
