"""The objects of a portal in memory: whole objects of the models, found by id and slug."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from .._decoding.declared import Model, declared
from .._decoding.grammar import Alternative, alternatives, is_nullable
from .._encoding.values import to_json
from .._fields import mask as masks
from .._views.view import View
from ..types import JsonObject
from ._roles import kinds, model_in, root_of
from .errors import UnansweredError

_USUAL = ("unknown", "notspecified", "other", "open")
"""The values that the server gives to an enum by itself."""

_BY_NAME = {
    "license": "notspecified",
    "title": "Title",
    "name": "Name",
    "description": "Description",
    "url": "https://portal.example/file.csv",
}
"""The texts of objects that are made without them: an update requires some."""


class MissingReferenceError(Exception):
    """A body refers to an object that the portal does not have."""


class Objects:
    """The objects of a portal, by kind, in the order in which they were added.

    Args:
        url: The root of the portal.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._by_kind: dict[str, dict[str, JsonObject]] = {}
        self._made = 0

    def now(self) -> str:
        """The date of the next write: a second after the one before."""
        self._made += 1
        start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        return (start + dt.timedelta(seconds=self._made)).isoformat()

    def of(self, kind: str) -> Iterator[JsonObject]:
        """The objects of a kind, the newest first."""
        return reversed(self._by_kind.get(kind, {}).values())

    def find(self, kind: str, name: str) -> JsonObject | None:
        """Find an object by its id or slug."""
        known = self._by_kind.get(kind, {})
        found = known.get(name)
        return found or next((one for one in known.values() if one.get("slug") == name), None)

    def put(self, kind: str, value: JsonObject) -> JsonObject:
        """Keep an object, in place of the one with its id."""
        self._by_kind.setdefault(kind, {})[value["id"]] = value
        return value

    def remove(self, kind: str, id_: str) -> None:
        """Forget an object."""
        del self._by_kind[kind][id_]

    def make(
        self, kind: str, given: JsonObject, *, is_part: type[View] | None = None
    ) -> JsonObject:
        """Make a whole object of the fields that are given; the others get their usual values.

        Args:
            kind: The kind of the object, or of the one that it is a part of.
            given: Its fields, as JSON or as the client's own values.
            is_part: The model, if it is a part of an object: its id is a UUID.
        """
        moment = self.now()
        number = self._made
        id_ = f"65920080{number:016x}" if is_part is None else str(uuid.UUID(int=number))
        made = whole(is_part or kinds()[kind], {"id": id_, **given}, moment)
        self._identify(made)
        if "slug" in made and not given.get("slug"):
            made["slug"] = self.slug(kind, made)
        if made.get("uri") == "":
            made["uri"] = f"{self._url}{root_of(kind)}{made.get('slug', id_)}/"
        return made

    def whole(self, model: type[Model], value: Any) -> JsonObject:
        """Make whole JSON of an object of a model, of which some fields are given."""
        made: JsonObject = _filled(value, model, self.now())
        return made

    def _identify(self, value: Any) -> None:
        """Give an id to every part of a value that has none."""
        if isinstance(value, dict):
            if value.get("id") == "":
                self._made += 1
                value["id"] = str(uuid.UUID(int=self._made))
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                self._identify(one)

    def slug(self, kind: str, made: JsonObject) -> str:
        """Make a slug of the title or name of an object, which no other of its kind has."""
        names = [str(made.get(key) or "") for key in ("title", "name", "first_name", "last_name")]
        plain = unicodedata.normalize("NFKD", " ".join(names)).encode("ascii", "ignore").decode()
        slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "unnamed"
        taken = {one.get("slug") for one in self.of(kind) if one["id"] != made["id"]}
        further = (f"{slug}-{number}" for number in range(1, len(taken) + 2))
        return next(one for one in (slug, *further) if one not in taken)

    def resolved(self, value: Any, type_: Any, where: str) -> Any:
        """Replace the references in a value of a body by the objects that they refer to.

        Raises:
            MissingReferenceError: There is no such object.
            UnansweredError: The value is answered in another form than it is sent.
        """
        types = [one for one in alternatives(type_) if one.kind != "null"]
        if isinstance(value, list):
            items = [one for one in types if one.kind == "list"]
            if items:
                return [self.resolved(one, items[0].item, where) for one in value]
        elif value is None or not types or types[0].kind != "model":
            is_object = bool(types) and types[0].kind == "object"
            if not is_object or value is None or isinstance(value, dict):
                return value
        else:
            return self._referred(value, types[0].type, where)
        raise UnansweredError(
            f"{where}: the portal in memory cannot tell how it is answered: add the whole object "
            "by FakePortal.add"
        )

    def _referred(self, value: Any, model: type[Model], where: str) -> Any:
        kind = model.__name__.removesuffix("Reference")
        id_ = value.get("id") if isinstance(value, dict) else value
        if kind not in kinds() or not isinstance(id_, str):
            return value
        found = self.find(kind, id_)
        if found is None:
            raise MissingReferenceError(f"{kind} {id_} does not exist")
        return kinds()[kind].from_dict(found)


def check_names(model: type[Model], given: Mapping[str, Any], where: str = "") -> None:
    """Check that the fields that are given are fields of a model, at any depth of dictionaries.

    Raises:
        ValueError: The first one that is not.
    """
    fields = {name: one for one in declared(model).values() for name in (one.key, one.name)}
    for name, value in given.items():
        if name not in fields:
            raise ValueError(str(masks.unknown(name, model, where)))
        inside = model_in(fields[name].type)
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if inside is not None and isinstance(one, dict):
                check_names(inside, one, f"{where}{name}.")


def whole(model: type[Model], given: JsonObject, moment: str) -> JsonObject:
    """Make the JSON of a whole object: what is not given has its usual value."""
    made: JsonObject = {}
    for key, field in declared(model).items():
        value = given.get(key, given.get(field.name))
        if key in given or field.name in given:
            made[key] = _filled(value, field.type, moment)
        elif key == "class":
            made[key] = model.__name__.removesuffix("Reference")
        elif not field.absent:
            made[key] = usual(model, key, moment)
    return made | {key: to_json(one) for key, one in given.items() if key not in made}


def usual(model: type[Model], key: str, moment: str) -> Any:
    """The value that a field has when nothing is given for it."""
    type_ = declared(model)[key].type
    is_unnamed = key not in _BY_NAME or is_nullable(type_)
    return _usual(type_, moment) if is_unnamed else _BY_NAME[key]


def _filled(value: Any, type_: Any, moment: str) -> Any:
    types = {one.kind: one for one in alternatives(type_)}
    if isinstance(value, (list, tuple)) and "list" in types:
        return [_filled(one, types["list"].item, moment) for one in value]
    if "model" not in types or not isinstance(value, (Model, dict)):
        return to_json(value)
    model = types["model"].type
    if isinstance(value, View):
        # A reference has some of the fields of the object that it refers to.
        known = declared(model)
        value = {key: one for key, one in value.to_dict().items() if key in known}
    elif isinstance(value, Model):
        value = to_json(value)
    return whole(model, value, moment)


def _usual(type_: Any, moment: str) -> Any:
    if is_nullable(type_):
        return None
    one = alternatives(type_)[0]
    match one.kind:
        case "list":
            return []
        case "object":
            return {}
        case "date":
            return moment if one.type is dt.datetime else moment[:10]
        case "model":
            return whole(one.type, {}, moment)
        case _:
            return _usual_scalar(one)


def _usual_scalar(one: Alternative) -> Any:
    if one.values:
        return next((value for value in _USUAL if value in one.values), one.values[0])
    return None if one.kind == "any" else one.type()
