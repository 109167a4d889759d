"""What every generated model inherits, and the few functions that its ``from_dict`` calls."""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeGuard, TypeVar, cast, get_type_hints

from attrs import Attribute, fields, frozen

from .dates import write_date
from .types import UNSET, JsonObject

if TYPE_CHECKING:
    from attrs import AttrsInstance

T = TypeVar("T")

_PLAIN = {str, int, float, bool, type(None)}


class Model:
    """An object of the API: attributes for the fields that are known, a dict for the others.

    Attributes:
        additional_properties: The fields that the pinned API does not have, as they came.
    """

    __slots__ = ()

    additional_properties: JsonObject

    @classmethod
    @abstractmethod
    def from_dict(cls, data: JsonObject) -> Self:
        """Decode a JSON object. What is absent is ``UNSET``, null is ``None``."""

    def to_dict(self) -> JsonObject:
        """Encode as a JSON object: the one that was decoded, or what there is to send."""
        data: JsonObject = {}
        for key, name in attributes(type(self)).items():
            value = getattr(self, name)
            if value is not UNSET:
                # Most values are JSON already, and a call for each would take half of the time.
                data[key] = value if type(value) in _PLAIN else to_json(value)
        return data | self.additional_properties

    def __repr__(self) -> str:
        shown: dict[str, object] = {}
        for one in declared(type(self)).values():
            # A traceback may show one that is only half decoded.
            value = getattr(self, one.name, UNSET)
            if value is not UNSET:
                shown[one.name] = "***" if one.secret and value else value
        additional = getattr(self, "additional_properties", None)
        if additional:
            shown["additional_properties"] = additional
        inside = (f"{name}={value!r}" for name, value in shown.items())
        return f"{type(self).__name__}({', '.join(inside)})"


_ATTRIBUTES: dict[type, dict[str, str]] = {}


def attributes(model: type[Model]) -> dict[str, str]:
    """The key in JSON of each field of a model -> the name of its attribute."""
    known = _ATTRIBUTES.get(model)
    if known is None:
        declared: tuple[Attribute[Any], ...] = fields(cast("type[AttrsInstance]", model))
        names = (one for one in declared if one.name != "additional_properties")
        known = {one.metadata.get("key", one.name): one.name for one in names}
        _ATTRIBUTES[model] = known
    return known


def is_model(type_: Any) -> TypeGuard[type[Model]]:
    """Whether a type is a model."""
    return isinstance(type_, type) and issubclass(type_, Model)


@frozen
class Declared:
    """What a model says of a field.

    Attributes:
        name: The attribute that it is.
        type: Its type.
        whole: Whether the portal hands it out only as a whole, although it has parts.
        secret: Whether it is not to be shown.
    """

    name: str
    type: Any
    whole: bool
    secret: bool


_DECLARED: dict[type, dict[str, Declared]] = {}


def declared(model: type[Model]) -> Mapping[str, Declared]:
    """The key in JSON of each field of a model -> what the model says of it."""
    known = _DECLARED.get(model)
    if known is None:
        hints = get_type_hints(model)
        notes = {one.name: one.metadata for one in fields(cast("type[AttrsInstance]", model))}
        known = {
            key: Declared(name, hints[name], "whole" in notes[name], "secret" in notes[name])
            for key, name in attributes(model).items()
        }
        _DECLARED[model] = known
    return known


def to_json(value: object) -> Any:
    """Encode a field's value, or a body."""
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, list | tuple):
        return [to_json(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in cast("JsonObject", value).items()}
    if isinstance(value, dt.date):
        return write_date(value)
    return value


def optional(decode: Callable[[Any], T], value: Any) -> T | Any:
    """Decode what may be null or absent."""
    return value if value is None or value is UNSET else decode(value)


def each(decode: Callable[[Any], T], values: Any) -> list[T] | Any:
    """Decode the items of a list that may itself be null or absent."""
    return values if values is None or values is UNSET else [decode(value) for value in values]


def list_of(decode: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    """Decode a list, as one of several types."""
    return lambda values: [decode(value) for value in values]


def one_of(decoders: Mapping[type, Callable[[Any], T]], value: Any) -> T | Any:
    """Decode what is of several types, told apart by what they are in JSON."""
    decode = decoders.get(type(value))
    return value if decode is None else decode(value)


def required(data: JsonObject, key: str) -> Any:
    """What must be there."""
    value = data[key]
    if value is None:
        raise ValueError(f"{key} is null")
    return value


def unknown(data: JsonObject, model: type[Model]) -> JsonObject:
    """The part of an object that its model does not know."""
    known = attributes(model)
    if data.keys() <= known.keys():
        return {}
    return {key: value for key, value in data.items() if key not in known}
