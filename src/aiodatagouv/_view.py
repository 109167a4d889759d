"""The base of the generated models of answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from types import NoneType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Self,
    TypeVar,
    dataclass_transform,
    get_args,
    get_origin,
)

import attrs
from attrs.exceptions import FrozenInstanceError

from ._declared import Declared, Model, alternatives, declare, declared
from ._place import Place, origin_of, path_of, unreadable, was_wanted
from ._readers import copied, json_kinds, named, reader_of
from .errors import DecodeError, MissingFieldError
from .types import JsonObject


class Secret(str):
    """Text that must not be printed: it compares and is sent like any other."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass_transform(
    frozen_default=True, eq_default=False, kw_only_default=True, field_specifiers=(declare,)
)
class View(Model):
    """A read-only view of a JSON object of an answer.

    An attribute is decoded when it is read. One that the answer lacks raises a
    :class:`MissingFieldError`, one that is not of its declared type a :class:`DecodeError`.

    Lists, free-form objects and what :meth:`to_dict` returns are shallow copies: changing them
    does not change the view. What is inside free-form JSON is not copied: take a
    :func:`copy.deepcopy` before changing that.
    """

    __slots__ = ("__dict__", "__weakref__", "_json", "_place")

    __attrs_attrs__: ClassVar[Any]
    __hash__: ClassVar[None]  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]

    def __init__(self, json: JsonObject) -> None:
        _set_json(self, json)
        _set_place(self, None)

    def __init_subclass__(cls, *, init: bool = False) -> None:
        # Without slots, attrs changes the class itself instead of replacing it. `init` is for
        # type checkers: the constructor takes JSON.
        super().__init_subclass__()
        attrs.define(cls, slots=False, init=False, eq=False, repr=False, kw_only=True)
        for one in attrs.fields(cls):
            if not one.inherited:
                setattr(cls, one.name, _Undecided(cls, one.name))

    @classmethod
    def from_dict(cls, data: JsonObject) -> Self:
        """View a JSON object.

        Raises:
            DecodeError: It is no JSON object.
        """
        return cls._read(data, None)

    @classmethod
    def _read(cls, value: Any, place: Place) -> Self:
        """View a JSON value of an answer.

        Raises:
            DecodeError: It is no JSON object.
        """
        if type(value) is not dict:
            raise unreadable(place, named(cls), value)
        return _view_of(cls, value, place)

    def to_dict(self) -> JsonObject:
        """The JSON object as it came."""
        return self._json.copy()

    @property
    def additional_properties(self) -> JsonObject:
        """The fields that the pinned API does not have, as they came."""
        known = declared(type(self))
        return {key: value for key, value in self._json.items() if key not in known}

    def check(self) -> None:
        """Read every field that is there, at any depth.

        Raises:
            DecodeError: The first that is not of its declared type.
        """
        for key, field in declared(type(self)).items():
            if key in self._json:
                for view in _views_in(getattr(self, field.name)):
                    view.check()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._json == other._json)

    def __repr__(self) -> str:
        inside = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(inside)})"

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        """The fields that came, with what is unreadable as it came."""
        for key, field in declared(type(self)).items():
            if key not in self._json:
                continue
            try:
                value = getattr(self, field.name)
            except DecodeError:
                value = Secret("***") if field.secret else self._json[key]
            yield field.name, value
        if additional := self.additional_properties:
            yield "additional_properties", additional

    def __reduce__(self) -> tuple[Any, ...]:
        return (_view_of, (type(self), self._json, self._place))

    if not TYPE_CHECKING:  # Else type checkers would take any attribute for one.

        def __setattr__(self, name: str, value: object) -> None:
            raise FrozenInstanceError

        def __delattr__(self, name: str) -> None:
            raise FrozenInstanceError

    else:
        _json: JsonObject
        _place: Place


_set_json: Callable[[View, JsonObject], None] = vars(View)["_json"].__set__
_set_place: Callable[[View, Place], None] = vars(View)["_place"].__set__


_V = TypeVar("_V", bound=View)


def _view_of(model: type[_V], json: JsonObject, place: Place) -> _V:
    """Make a view. To call the class costs more, and children may have an __init__ of their own."""
    view = model.__new__(model)
    _set_json(view, json)
    _set_place(view, place)
    return view


def json_of(answer: object) -> Any:
    """The JSON of an answer, as it came."""
    if isinstance(answer, View):
        return answer.to_dict()
    if isinstance(answer, list):
        return [json_of(one) for one in answer]
    return answer


class _Undecided:
    """A field before any of its class is read: then all annotations of the class are evaluated."""

    def __init__(self, model: type[View], name: str) -> None:
        self._model = model
        self._name = name

    def __get__(self, view: View | None, owner: type[View]) -> Any:
        if view is None:
            return self
        for field in declared(self._model).values():
            if isinstance(vars(self._model).get(field.name), _Undecided):
                setattr(self._model, field.name, _attribute(field))
        return vars(self._model)[self._name].__get__(view, owner)


class _KeptView:
    """The getter of a field that is one object, which keeps the view of it."""

    def __init__(self, field: Declared, model: type[View]) -> None:
        self._name = field.name
        self._key = field.key
        self._model = model
        self._is_nullable = NoneType in alternatives(field.type)
        self._slow = _reading(field)

    def __get__(self, view: View | None, owner: type[View]) -> Any:
        if view is None:
            return self
        value = view._json.get(self._key, _MISSING)
        if type(value) is not dict:
            return None if value is None and self._is_nullable else self._slow(view)
        # No data descriptor: from now on Python finds it without asking here.
        place = (view._place, self._key)
        found = view.__dict__[self._name] = _view_of(self._model, value, place)
        return found


def _attribute(field: Declared) -> Any:
    """Make the descriptor that reads a field.

    Scalars and dates are made again at each read: to keep them costs more time and memory.
    """
    try:
        reader_of(field.type)
    except KeyError:
        return property(_unsupported(field))
    types = [one for one in alternatives(field.type) if one is not NoneType]
    if any(map(_has_views, types)):
        if len(types) > 1:
            return property(_kept(field))
        if get_origin(types[0]) is list:
            return property(_kept_list(field, get_args(types[0])[0]))
        return _KeptView(field, types[0])
    if field.secret:
        return property(_secret(field))
    if types == [dt.datetime]:
        return property(_moment(field))
    if dt.date in types or Any in types:
        return property(_reading(field))
    kinds = {kind for one in types for kind in json_kinds(one)}
    if kinds == {list}:
        inside = {kind for one in alternatives(get_args(types[0])[0]) for kind in json_kinds(one)}
        is_plain = len(inside) == 1 and list not in inside and dict not in inside
        return property(_plain_list(field, *inside) if is_plain else _reading(field))
    return property(_plain(field, *kinds) if len(kinds) == 1 else _reading(field))


def _has_views(type_: Any) -> bool:
    inner = get_args(type_)[0] if get_origin(type_) is list else type_
    return isinstance(inner, type) and issubclass(inner, View)


def _reading(field: Declared) -> Callable[[View], Any]:
    """Make the getter of a field of any type."""
    key, read = field.key, reader_of(field.type)
    is_nullable = NoneType in alternatives(field.type)

    def get(self: View) -> Any:
        value = self._json.get(key, _MISSING)
        if value is _MISSING:
            return _absent(self, field)
        if value is None and is_nullable:
            return None
        try:
            return read(value, (self._place, key))
        except DecodeError as error:
            raise _of_object(error, self, field) from None

    return get


def _plain(field: Declared, kind: type) -> Callable[[View], Any]:
    """Make the getter of a field whose JSON is its Python value."""
    key, slow = field.key, _reading(field)

    def get(self: View) -> Any:
        try:
            value = self._json[key]
        except KeyError:
            return slow(self)
        return value if type(value) is kind else slow(self)

    def get_or_none(self: View) -> Any:
        try:
            value = self._json[key]
        except KeyError:
            return slow(self)
        return value if value is None or type(value) is kind else slow(self)

    def get_copy(self: View) -> Any:
        value: Any = self._json.get(key)
        return value.copy() if type(value) is dict else slow(self)

    if kind is dict:
        return get_copy
    return get_or_none if NoneType in alternatives(field.type) else get


def _plain_list(field: Declared, kind: type) -> Callable[[View], Any]:
    """Make the getter of a list of such values."""
    key, slow = field.key, _reading(field)

    def get(self: View) -> Any:
        value: Any = self._json.get(key)
        if type(value) is list:
            for one in value:
                if type(one) is not kind:
                    break
            else:
                return value.copy()
        return slow(self)

    return get


def _moment(field: Declared) -> Callable[[View], Any]:
    """Make the getter of a date and time; most are ISO 8601, which Python reads at once."""
    key, slow = field.key, _reading(field)
    from_iso: Callable[[Any], dt.datetime] = dt.datetime.fromisoformat
    is_nullable = NoneType in alternatives(field.type)

    def get(self: View) -> Any:
        try:
            value = self._json[key]
            if value is None and is_nullable:
                return None
            return from_iso(value)
        except (KeyError, TypeError, ValueError):
            return slow(self)

    return get


def _unsupported(field: Declared) -> Callable[[View], Any]:
    """Make the getter of a field that a child declares with a type that no JSON has."""

    def get(self: View) -> Any:
        what = f"{type(self).__name__}.{field.name} is declared as {field.type}"
        raise TypeError(f"{what}: JSON has texts, numbers, lists, objects and dates")

    return get


def _secret(field: Declared) -> Callable[[View], Any]:
    """Make the getter of a text that must not be printed."""
    read = _reading(field)

    def get(self: View) -> Any:
        value = read(self)
        return Secret(value) if value else value

    return get


def _kept(field: Declared) -> Callable[[View], Any]:
    """Make the getter of a field of several types, which keeps the views that it makes."""
    name, read = field.name, _reading(field)

    def get(self: View) -> Any:
        kept = self.__dict__.get(name)
        if kept is None:
            kept = self.__dict__[name] = read(self)
        return copied(kept)

    return get


def _kept_list(field: Declared, model: type[View]) -> Callable[[View], Any]:
    """Make the getter of a list of objects, which keeps their views and returns a copy."""
    name, key, slow = field.name, field.key, _reading(field)

    def get(self: View) -> Any:
        kept: list[View] | None = self.__dict__.get(name)
        if kept is None:
            values: Any = self._json.get(key)
            if type(values) is not list:
                return slow(self)
            place, kept = (self._place, key), []
            for index, value in enumerate(values):
                if type(value) is not dict:
                    return slow(self)
                kept.append(_view_of(model, value, (place, index)))
            self.__dict__[name] = kept
        return kept.copy()

    return get


_MISSING = object()


def _absent(view: View, field: Declared) -> Any:
    """Read a field that the answer lacks.

    Raises:
        MissingFieldError: It was not asked for, or a whole answer always has it.
    """
    origin, place = origin_of(view._place), (view._place, field.key)
    is_masked = origin is not None and origin.mask is not None and not was_wanted(place)
    if field.absent and not is_masked:
        return None
    if field.default is not attrs.NOTHING and not is_masked:  # As a child may declare it.
        return field.default
    raise MissingFieldError(
        type(view).__name__,
        field.name,
        operation=None if origin is None else origin.operation,
        path=path_of(place),
        is_masked=is_masked,
    ) from None


def _of_object(error: DecodeError, view: View, field: Declared) -> DecodeError:
    """Add the id of the object to an error, and take what must not be printed out of it."""
    if field.secret:
        error.args = ("***",)
    key = view._json.get("id")
    if error.id is None and isinstance(key, str):
        error.id = key
    return error


def _views_in(value: Any) -> list[View]:
    """The views that a value is made of."""
    if isinstance(value, View):
        return [value]
    return [view for one in value for view in _views_in(one)] if isinstance(value, list) else []
