"""From what was read to what can be sent: the JSON of a body that leaves an object as it is."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, get_args, get_origin

from ._declared import Declared, Model, alternatives, declared, is_model, required
from ._place import Place, mask_at
from ._readers import json_kinds, reader_of
from ._view import View
from .types import UNSET, JsonObject


def sendable(view: View, model: type[Model], changed: Set[str]) -> JsonObject:
    """The fields of an object that a body takes and that would stay as they are.

    Args:
        view: The object, as it was answered.
        model: The body.
        changed: The keys of fields that are not wanted.

    Raises:
        DecodeError: A field is not of its declared type.
    """
    json, mask = view.to_dict(), mask_at(view._place)
    fields = declared(model)
    kept = {
        key: value
        for key, value in json.items()
        if key in fields
        and key not in changed
        # To send back a part of an object would take away the rest of it; not so of a reference.
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
    """Convert a JSON value; UNSET if it is answered in another form than it is sent.

    Args:
        value: The value.
        sent: The type of the body's field.
        read: The type of the answer's field.
        place: Where the value is.
    """
    if sent is Any:
        return value
    for one in alternatives(sent):
        if type(value) not in json_kinds(one):
            continue
        if type(value) is list:
            item = next((get_args(of)[0] for of in alternatives(read) if _is_list(of)), Any)
            inside = get_args(one)[0]
            items = [_value(each, inside, item, (place, n)) for n, each in enumerate(value)]
            return UNSET if UNSET in items else items
        if type(value) is dict and _is_body(one):
            view = next(filter(is_model, alternatives(read)), one)
            parts = _object(value, one, view, place)
            # Neither one whose fields are all null is anything, nor one without what it must have.
            is_whole = parts.keys() >= {*required(one)}
            return parts if is_whole and any(each is not None for each in parts.values()) else UNSET
        return value
    if read is Any or type(value) in {
        kind for one in alternatives(read) for kind in json_kinds(one)
    }:
        return UNSET
    return reader_of(sent)(value, place)


def _is_list(type_: Any) -> bool:
    return get_origin(type_) in (list, Sequence)


def _is_body(type_: Any) -> bool:
    return is_model(type_) and not issubclass(type_, View)


def _is_reference(value: Any, type_: Any) -> bool:
    """Whether a value is a reference to an object, or a list of them, with all that is sent."""
    inner = [part for one in alternatives(type_) for part in (one, *get_args(one))]
    inner = [part for one in inner for part in alternatives(one)]
    values = value if isinstance(value, list) else [value]
    has_ids = all(isinstance(one, dict) and "id" in one for one in values)
    return has_ids and any(is_model(one) and issubclass(one, View) for one in inner)


def _is_apart(field: Declared, value: Any) -> bool:
    return field.apart is True or ("null" if value is None else value) in field.apart
