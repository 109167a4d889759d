"""The objects of a portal in memory: whole objects of the models, found by id and slug."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from .._decoding.declared import Model, declared
from .._decoding.grammar import alternatives
from .._fields import mask as masks
from .._views.view import View
from ..types import JsonObject
from ._filling import Filling
from ._roles import kinds, model_in, root_of
from .errors import UnansweredError

_LETTERS = str.maketrans(
    {
        **{"'": "", "\N{RIGHT SINGLE QUOTATION MARK}": "", "æ": "ae", "œ": "oe", "ø": "o"},
        **{"ß": "ss", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ŧ": "t"},
        **{"°": "deg", "€": "eur", "№": "no", "µ": "u", "\N{MULTIPLICATION SIGN}": "x"},
    }
)
"""The letters and signs of slugs that are more than a letter with an accent."""


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
        return self.clock().isoformat()

    def clock(self) -> dt.datetime:
        """The date of the latest write."""
        return dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=self._made)

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
        self,
        kind: str,
        given: JsonObject,
        *,
        is_part: type[View] | None = None,
        has_texts: bool = False,
    ) -> JsonObject:
        """Make a whole object of the fields that are given; the others get their usual values.

        Args:
            kind: The kind of the object, or of the one that it is a part of.
            given: Its fields, as JSON or as the client's own values.
            is_part: The model, if it is a part of an object: its id is a UUID.
            has_texts: Whether it gets a title, a description and the like.
        """
        moment = self.now()
        number = self._made
        id_ = _id(number) if is_part is None else str(uuid.UUID(int=number))
        filling = Filling(moment, has_texts=has_texts)
        made = filling.object(is_part or kinds()[kind], {"id": id_, **given})
        self._identify(made)
        if "slug" in made and not given.get("slug"):
            made["slug"] = self.slug(kind, made)
        if made.get("uri") == "":
            made["uri"] = f"{self._url}{root_of(kind)}{made.get('slug', id_)}/"
        return made

    def changed(self, model: type[Model], given: JsonObject) -> JsonObject:
        """Make JSON of some fields of an object, given as JSON or as the client's own values."""
        fields = {name: one for one in declared(model).values() for name in (one.key, one.name)}
        return {fields[name].key: self.whole(fields[name].type, given[name]) for name in given}

    def whole(self, type_: Any, value: Any) -> Any:
        """Make whole JSON of a value of a type; of the objects in it, some fields are given."""
        made = Filling(self.now(), has_texts=False).value(value, type_)
        self._identify(made)
        return made

    def _identify(self, value: Any) -> None:
        """Give an id to every part of a value that has none: a UUID, or that of an object."""
        if isinstance(value, dict):
            if value.get("id") == "":
                self._made += 1
                is_object = value.get("class") in kinds()
                value["id"] = _id(self._made) if is_object else str(uuid.UUID(int=self._made))
            if value.get("latest") == "":
                value["latest"] = f"{self._url}api/1/datasets/r/{value['id']}"
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                self._identify(one)

    def slug(self, kind: str, made: JsonObject) -> str:
        """Make a slug of the title or name of an object, which no other of its kind has."""
        names = [str(made.get(key) or "") for key in ("title", "name", "first_name", "last_name")]
        slug = slug_of(" ".join(names)) or "unnamed"
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
        found = self._by_kind.get(kind, {}).get(id_)  # A slug refers to nothing.
        if found is None:
            raise MissingReferenceError(f"{kind} {id_} does not exist")
        return kinds()[kind].from_dict(found)


def _id(number: int) -> str:
    return f"65920080{number:016x}"


def slug_of(text: str) -> str:
    """Make a slug of a text in Latin letters, as the server does."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")


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
