"""Writes: objects, and the parts of them, created, updated and deleted by the body of a call."""

from __future__ import annotations

from typing import Any

from .._decoding.declared import Model, declared
from .._decoding.grammar import alternatives, is_nullable
from .._views.view import View
from ..operation import Operation
from ..types import JsonObject
from ._filling import Filling
from ._lists import DELETED, is_deleted
from ._objects import MissingReferenceError, Objects, slug_of
from ._refusals import RefusedError, invalid
from ._roles import Act, body_of
from .errors import UnansweredError

CHANGED = ("last_modified", "last_update", "metadata_modified_at")
"""The fields with the date of the last write."""

_SHORTEST_TAG, _LONGEST_TAG = 3, 96

NAMES = ("title", "name")
"""The fields that the slug is made of."""


def create(objects: Objects, act: Act, parent: JsonObject | None, body: Any) -> JsonObject:
    """Create an object, or a part of its parent.

    Raises:
        RefusedError: The server refuses the body.
        UnansweredError: It has a field that cannot be simulated.
    """
    fields = _fields(objects, act, body)
    missing = [key for key in required(act.operation) if is_blank(fields.get(key))]
    if missing:
        raise _invalid(dict.fromkeys(missing, "Field is required"))
    if parent is None or act.field is None:
        return objects.put(act.kind, objects.make(act.kind, fields))
    made = objects.make(act.kind, fields, is_part=act.part)
    parent[act.field] = [made, *(parent.get(act.field) or [])]
    return made


def update(objects: Objects, act: Act, value: JsonObject, body: Any) -> JsonObject:
    """Update an object or a part; what the body does not mention stays as it is.

    Raises:
        RefusedError: The server refuses the body, or the object was deleted.
        UnansweredError: The body has a field that cannot be simulated.
    """
    fields = _fields(objects, act, body)
    restored = any(key in fields and fields[key] is None for key in DELETED)
    if is_deleted(value) and not restored:
        raise gone(act)
    emptied = [key for key in required(act.operation) if key in fields and is_blank(fields[key])]
    if emptied:
        raise _invalid(dict.fromkeys(emptied, "Field is required"))
    moment, before = objects.now(), [value.get(key) for key in NAMES]
    value |= fields
    if "slug" in value and before != [value.get(key) for key in NAMES]:
        value["slug"] = objects.slug(act.kind, value)
    value |= {key: moment for key in CHANGED if key in value}
    return value


def is_blank(text: Any) -> bool:
    """Whether there is no text, or none that can be seen."""
    return not str(text or "").strip()


def delete(objects: Objects, act: Act, parent: JsonObject | None, value: JsonObject) -> None:
    """Delete an object or a part; one with a deletion date stays, with that date.

    Raises:
        RefusedError: It was deleted before.
    """
    if parent is not None and act.field is not None:
        parent[act.field].remove(value)
        return
    dates = [key for key in DELETED if key in value]
    if not dates:
        objects.remove(act.kind, value["id"])
    elif is_deleted(value):
        raise gone(act)
    else:
        value[dates[0]] = objects.now()


def gone(act: Act) -> RefusedError:
    """The answer for an object that was deleted."""
    return RefusedError(410, {"message": f"{act.model.__name__} has been deleted"})


def required(operation: Operation) -> list[str]:
    """The texts that an object cannot be created without: those that the body cannot clear."""
    body = body_of(operation)
    known = {} if body is None else declared(body)
    return [
        key
        for key, field in known.items()
        if key not in ("id", "slug")
        for types in [alternatives(field.type)]
        if [one.type for one in types] == [str] and not types[0].values
    ]


def _fields(objects: Objects, act: Act, body: Any) -> JsonObject:
    """The fields of a body that an object keeps, with the objects that they refer to."""
    if not isinstance(body, dict):
        raise RefusedError(400, {"message": "The body is not a JSON object"})
    written = body_of(act.operation)
    taken = declared(written) if written is not None else {}
    found: JsonObject = {}
    for key, field in declared(act.part).items():
        if key == "id" or key not in taken or key not in body:
            continue
        try:
            value = objects.resolved(body[key], field.type, f"{act.operation.name}: {key}")
        except MissingReferenceError as error:
            raise _invalid({key: str(error)}) from None
        if value is None and not is_nullable(field.type):
            value = Filling(objects.now(), has_texts=False).usual(act.part, key)
        if key == "tags" and act.operation.version == 1:
            value = _tags(value, f"{act.operation.name}: {key}")
        found[key] = _whole_parts(objects, act, key, value)
    return found


def _tags(given: Any, where: str) -> list[str]:
    """The tags that version 1 of the API makes of those in a body; version 2 keeps them."""
    texts = [given] if isinstance(given, str) else given or []
    if not isinstance(texts, list) or not all(one is None or isinstance(one, str) for one in texts):
        raise UnansweredError(f"{where}: the portal in memory only takes tags that are texts")
    if len(texts) == 1:  # One text may have several tags.
        texts = [one for one in (texts[0] or "").split(",") if one.strip()]
    tags = sorted({slug_of(one or "") for one in texts})
    wrong = [one for one in tags if not _SHORTEST_TAG <= len(one) <= _LONGEST_TAG]
    if wrong:
        problem = f"Tag {wrong[0]!r} must have {_SHORTEST_TAG} to {_LONGEST_TAG} characters"
        raise _invalid({"tags": problem})
    return tags


def _whole_parts(objects: Objects, act: Act, key: str, value: Any) -> Any:
    """Make whole objects of the parts in a field, each with an id of its own."""
    types = alternatives(declared(act.part)[key].type)
    if isinstance(value, list):
        parts: list[type[Model]] = [
            inside.type
            for one in types
            if one.kind == "list"
            for inside in alternatives(one.item)
            if inside.kind == "model"
        ]
        for part in parts:
            if issubclass(part, View):
                return [_part(objects, act, part, one) for one in value]
    if types[0].kind == "model" and isinstance(value, (dict, View)):
        return objects.whole(types[0].type, value)
    return value


def _part(objects: Objects, act: Act, model: type[View], value: Any) -> JsonObject:
    if isinstance(value, View) or "id" not in declared(model):
        made: JsonObject = objects.whole(model, value)
        return made
    return objects.make(act.kind, value, is_part=model)


def _invalid(errors: JsonObject) -> RefusedError:
    return invalid(f"ValidationError ({', '.join(errors)})", errors)
