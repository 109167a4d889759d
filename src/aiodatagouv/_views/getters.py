"""The getters of a view's fields, one for each kind of type, and their errors."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from .._decoding.declared import Declared, Model, declared
from .._decoding.grammar import Alternative, alternatives, is_nullable
from .._decoding.place import Place, origin_of, path_of, was_wanted
from .._decoding.readers import copied, reader_of
from ..errors import DecodeError, MissingFieldError
from ..types import JsonObject


class Placed(Model):
    """A JSON object and its place in an answer."""

    __slots__ = ("__dict__", "__weakref__", "_json", "_place")

    if TYPE_CHECKING:
        _json: JsonObject
        _place: Place

        def __init__(self, json: JsonObject) -> None: ...

    else:  # Python's own error for fields would not say how an object is made.

        def __init__(self, *json, **fields):
            if fields or len(json) != 1:
                name = type(self).__name__
                raise TypeError(
                    f"{name} is an object of an answer, which takes its JSON alone: "
                    f"{name}.from_dict({{...}}); tests make a whole one by FakePortal.add({name}, "
                    "field=...)"
                )
            _set_json(self, *json)
            _set_place(self, None)


_set_json: Callable[[Placed, JsonObject], None] = vars(Placed)["_json"].__set__
_set_place: Callable[[Placed, Place], None] = vars(Placed)["_place"].__set__

P = TypeVar("P", bound=Placed)


def placed(model: type[P], json: JsonObject, place: Place) -> P:
    """Make a view. Calling the class costs more, and a subclass may have its own __init__."""
    view = model.__new__(model)
    _set_json(view, json)
    _set_place(view, place)
    return view


class Secret(str):
    """Text with a repr that hides it; otherwise a str like any other."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class Undecided:
    """A field that was not read yet: reading it loads the models that its type names."""

    def __init__(self, model: type[Placed], name: str) -> None:
        self._model = model
        self._name = name

    def __get__(self, view: Placed | None, owner: type[Placed]) -> Any:
        if view is None:
            return self
        (field,) = [one for one in declared(self._model).values() if one.name == self._name]
        found = _attribute(field)
        setattr(self._model, self._name, found)
        return found.__get__(view, owner)


class _KeptView:
    """The getter of a field that is one object, which keeps its view."""

    def __init__(self, field: Declared, model: type[Placed]) -> None:
        self._name = field.name
        self._key = field.key
        self._model = model
        self._is_nullable = is_nullable(field.type)
        self._slow = _reading(field)

    def __get__(self, view: Placed | None, owner: type[Placed]) -> Any:
        if view is None:
            return self
        value = view._json.get(self._key, _MISSING)
        if type(value) is not dict:
            return None if value is None and self._is_nullable else self._slow(view)
        # Not a data descriptor: from now on Python finds the view without calling this.
        place = (view._place, self._key)
        found = view.__dict__[self._name] = placed(self._model, value, place)
        return found


def _attribute(field: Declared) -> Any:
    """Make the descriptor that reads a field.

    Scalars and dates are converted at each read: keeping them costs more time and memory.
    """
    try:
        types = [one for one in alternatives(field.type) if one.kind != "null"]
    except TypeError:
        return property(_unsupported(field))
    models = [one for one in types if "model" in (one.kind, _item_kind(one))]
    if models:
        if len(types) > 1:
            return property(_kept(field))
        if types[0].kind == "list":
            return property(_kept_list(field, alternatives(types[0].item)[0].type))
        return _KeptView(field, types[0].type)
    if field.secret:
        return property(_secret(field))
    if [one.type for one in types] == [dt.datetime]:
        return property(_moment(field))
    if any(one.kind in ("any", "date") for one in types):
        return property(_reading(field))
    kinds = {kind for one in types for kind in one.json_types}
    if kinds == {list}:
        inside = {kind for one in alternatives(types[0].item) for kind in one.json_types}
        is_plain = _item_kind(types[0]) == "scalar" and len(inside) == 1
        return property(_plain_list(field, *inside) if is_plain else _reading(field))
    return property(_plain(field, *kinds) if len(kinds) == 1 else _reading(field))


def _item_kind(one: Alternative) -> str | None:
    """The kind of the items of a list, if they are all of one type."""
    items = alternatives(one.item) if one.kind == "list" else ()
    return items[0].kind if len(items) == 1 else None


_SCALARS: dict[type, dict[str, frozenset[type]]] = {}


def scalars(model: type[Placed]) -> dict[str, frozenset[type]]:
    """The Python types that the JSON of each scalar of a model may have."""
    if model not in _SCALARS:
        known = _SCALARS[model] = dict[str, frozenset[type]]()
        for key, field in declared(model).items():
            with contextlib.suppress(TypeError):  # A subclass may declare a type that JSON lacks.
                types = alternatives(field.type)
                if all(one.kind in ("scalar", "null") for one in types):
                    known[key] = frozenset(kind for one in types for kind in one.json_types)
    return _SCALARS[model]


def _reading(field: Declared) -> Callable[[Placed], Any]:
    """Make the getter of a field of any type."""
    key, read = field.key, reader_of(field.type)
    nullable = is_nullable(field.type)

    def get(self: Placed) -> Any:
        value = self._json.get(key, _MISSING)
        if value is _MISSING:
            return _absent(self, field)
        if value is None and nullable:
            return None
        try:
            return read(value, (self._place, key))
        except DecodeError as error:
            raise _of_object(error, self, field) from None

    return get


def _plain(field: Declared, kind: type) -> Callable[[Placed], Any]:
    """Make the getter of a field that needs no conversion."""
    key, slow = field.key, _reading(field)

    def get(self: Placed) -> Any:
        try:
            value = self._json[key]
        except KeyError:
            return slow(self)
        return value if type(value) is kind else slow(self)

    def get_or_none(self: Placed) -> Any:
        try:
            value = self._json[key]
        except KeyError:
            return slow(self)
        return value if value is None or type(value) is kind else slow(self)

    def get_copy(self: Placed) -> Any:
        value: Any = self._json.get(key)
        return value.copy() if type(value) is dict else slow(self)

    if kind is dict:
        return get_copy
    return get_or_none if is_nullable(field.type) else get


def _plain_list(field: Declared, kind: type) -> Callable[[Placed], Any]:
    """Make the getter of a list of such values."""
    key, slow = field.key, _reading(field)

    def get(self: Placed) -> Any:
        value: Any = self._json.get(key)
        if type(value) is list:
            for one in value:
                if type(one) is not kind:
                    break
            else:
                return value.copy()
        return slow(self)

    return get


def _moment(field: Declared) -> Callable[[Placed], Any]:
    """Make the getter of a date and time; Python itself reads most of them, as ISO 8601."""
    key, slow = field.key, _reading(field)
    from_iso: Callable[[Any], dt.datetime] = dt.datetime.fromisoformat
    nullable = is_nullable(field.type)

    def get(self: Placed) -> Any:
        try:
            value = self._json[key]
            if value is None and nullable:
                return None
            return from_iso(value)
        except (KeyError, TypeError, ValueError):
            return slow(self)

    return get


def _unsupported(field: Declared) -> Callable[[Placed], Any]:
    """Make the getter of a field that a subclass declares with a type that JSON lacks."""

    def get(self: Placed) -> Any:
        raise TypeError(
            f"{type(self).__name__}.{field.name} is declared as {field.type}: JSON has texts, "
            "numbers, lists, objects and dates"
        )

    return get


def _secret(field: Declared) -> Callable[[Placed], Any]:
    """Make the getter of a text that must not be printed."""
    read = _reading(field)

    def get(self: Placed) -> Any:
        value = read(self)
        return Secret(value) if value else value

    return get


def _kept(field: Declared) -> Callable[[Placed], Any]:
    """Make the getter of a field of several types, which keeps its views."""
    name, read = field.name, _reading(field)

    def get(self: Placed) -> Any:
        kept = self.__dict__.get(name)
        if kept is None:
            kept = self.__dict__[name] = read(self)
        return copied(kept)

    return get


def _kept_list(field: Declared, model: type[Placed]) -> Callable[[Placed], Any]:
    """Make the getter of a list of objects, which keeps the views and returns a copy of it."""
    name, key, slow = field.name, field.key, _reading(field)

    def get(self: Placed) -> Any:
        kept: list[Placed] | None = self.__dict__.get(name)
        if kept is None:
            values: Any = self._json.get(key)
            if type(values) is not list:
                return slow(self)
            place, kept = (self._place, key), []
            for index, value in enumerate(values):
                if type(value) is not dict:
                    return slow(self)
                kept.append(placed(model, value, (place, index)))
            self.__dict__[name] = kept
        return kept.copy()

    return get


_MISSING = object()


def _absent(view: Placed, field: Declared) -> Any:
    """Read a field that is missing from the answer.

    Raises:
        MissingFieldError: It was not asked for, or a whole answer always has it.
    """
    origin, place = origin_of(view._place), (view._place, field.key)
    is_masked = origin is not None and origin.mask is not None and not was_wanted(place)
    if field.absent and not is_masked:
        return None
    if field.default is not attrs.NOTHING and not is_masked:  # A subclass may declare one.
        return field.default
    raise MissingFieldError(
        type(view).__name__,
        field.name,
        operation=None if origin is None else origin.operation,
        path=path_of(place),
        is_masked=is_masked,
    ) from None


def _of_object(error: DecodeError, view: Placed, field: Declared) -> DecodeError:
    """Add the id of the object to an error, and remove a secret from it."""
    if field.secret:
        error.args = ("***",)
    key = view._json.get("id")
    if error.id is None and isinstance(key, str):
        error.id = key
    return error
