"""Whole objects of some of their fields: the others get the values that they usually have."""

from __future__ import annotations

import datetime as dt
from typing import Any

from attrs import frozen

from .._decoding.declared import Model, declared
from .._decoding.grammar import Alternative, alternatives, is_nullable
from .._encoding.values import to_json
from .._views.view import View
from ..types import JsonObject

_USUAL = ("unknown", "notspecified", "other", "open")
"""The values that the server gives to an enum by itself."""

_TEXTS = {
    "title": "Title",
    "name": "Name",
    "description": "Description",
    "url": "https://portal.example/file.csv",
}
"""The texts of objects that tests add without them: an update requires some."""


@frozen
class Filling:
    """Fills what is not given of an object.

    Attributes:
        moment: The date that it gets, as JSON.
        has_texts: Whether it gets a title, a description and the like, too.
    """

    moment: str
    has_texts: bool

    def object(self, model: type[Model], given: JsonObject) -> JsonObject:
        """Make the JSON of a whole object."""
        made: JsonObject = {}
        for key, field in declared(model).items():
            value = given.get(key, given.get(field.name))
            if key in given or field.name in given:
                made[key] = self.value(value, field.type)
            elif key == "class":
                made[key] = model.__name__.removesuffix("Reference")
            elif not field.absent:
                made[key] = self.usual(model, key)
        return made | {key: to_json(one) for key, one in given.items() if key not in made}

    def usual(self, model: type[Model], key: str) -> Any:
        """The value of a field when nothing is given for it."""
        type_ = declared(model)[key].type
        if is_nullable(type_):
            return None
        if key == "license":
            return "notspecified"
        return _TEXTS[key] if self.has_texts and key in _TEXTS else self._of(type_)

    def value(self, value: Any, type_: Any) -> Any:
        """Make the JSON of a value of a type: the objects in it are whole."""
        types = {one.kind: one for one in alternatives(type_)}
        if isinstance(value, (list, tuple)) and "list" in types:
            return [self.value(one, types["list"].item) for one in value]
        if "model" not in types or not isinstance(value, (Model, dict)):
            return to_json(value)
        model = types["model"].type
        if isinstance(value, View):
            # A reference has some of the fields of the object that it refers to.
            known = declared(model)
            value = {key: one for key, one in value.to_dict().items() if key in known}
        elif isinstance(value, Model):
            value = to_json(value)
        return self.object(model, value)

    def _of(self, type_: Any) -> Any:
        one = alternatives(type_)[0]
        match one.kind:
            case "list":
                return []
            case "object":
                return {}
            case "date":
                return self.moment if one.type is dt.datetime else self.moment[:10]
            case "model":
                return self.object(one.type, {})
            case _:
                return _scalar(one)


def _scalar(one: Alternative) -> Any:
    if one.values:
        return next((value for value in _USUAL if value in one.values), one.values[0])
    return None if one.kind == "any" else one.type()
