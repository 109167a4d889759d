"""The base of generated models of answers: a read-only view of a JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

import attrs
from attrs.exceptions import FrozenInstanceError

from .._decoding.declared import declare, declared
from .._decoding.grammar import words_of
from .._decoding.place import Place, unreadable
from ..errors import DecodeError
from ..types import JsonObject
from .getters import Placed, Secret, Undecided, placed, scalars


@dataclass_transform(
    frozen_default=True, eq_default=False, kw_only_default=True, field_specifiers=(declare,)
)
class View(Placed):
    """A read-only view of a JSON object of an answer.

    An attribute is decoded when it is read. One that is missing from the answer raises a
    :class:`MissingFieldError`, one of another type than declared a :class:`DecodeError`.

    Lists, free-form objects and the result of :meth:`to_dict` are shallow copies: changing them
    does not change the view. Values inside free-form JSON are not copied: take a
    :func:`copy.deepcopy` before changing them.
    """

    __slots__ = ()

    __attrs_attrs__: ClassVar[Any]

    def __init_subclass__(cls, *, init: bool = False) -> None:
        # Without slots, attrs changes the class itself instead of replacing it. `init` is for
        # type checkers: the constructor takes JSON.
        super().__init_subclass__()
        attrs.define(cls, slots=False, init=False, eq=False, repr=False, kw_only=True)
        for one in attrs.fields(cls):
            if not one.inherited:
                setattr(cls, one.name, Undecided(cls, one.name))

    @classmethod
    def from_dict(cls, data: JsonObject) -> Self:
        """View a JSON object.

        Raises:
            DecodeError: It is not a JSON object.
        """
        return cls._read(data, None)

    @classmethod
    def _read(cls, value: Any, place: Place) -> Self:
        """View a JSON value of an answer.

        Raises:
            DecodeError: It is not a JSON object.
        """
        if type(value) is not dict:
            raise unreadable(place, words_of(cls), value)
        return placed(cls, value, place)

    def to_dict(self) -> JsonObject:
        """The JSON object as it was received."""
        return self._json.copy()

    @property
    def additional_properties(self) -> JsonObject:
        """The fields that the pinned API does not have, as they were received."""
        known = declared(type(self))
        return {key: value for key, value in self._json.items() if key not in known}

    def check(self) -> None:
        """Read every field that is present, at any depth.

        Raises:
            DecodeError: The first field of another type than declared.
        """
        known, kinds = declared(type(self)), scalars(type(self))
        for key, value in self._json.items():
            # Most are scalars, which are checked without being read.
            if type(value) not in kinds.get(key, ()) and key in known:
                found = getattr(self, known[key].name)
                for one in found if type(found) is list else [found]:
                    if isinstance(one, View):
                        one.check()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._json == other._json)

    def __repr__(self) -> str:
        inside = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(inside)})"

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        """The fields that are present; unreadable ones as they were received."""
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
        return (placed, (type(self), self._json, self._place))

    if not TYPE_CHECKING:  # Else type checkers would take any attribute for one.

        def __setattr__(self, name: str, value: object) -> None:
            raise FrozenInstanceError

        def __delattr__(self, name: str) -> None:
            raise FrozenInstanceError


def json_of(answer: object) -> Any:
    """The JSON of an answer, as it was received."""
    if isinstance(answer, View):
        return answer.to_dict()
    if isinstance(answer, list):
        return [json_of(one) for one in answer]
    return answer
