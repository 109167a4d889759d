"""The base of generated models of bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    ParamSpec,
    Self,
    TypeVar,
    dataclass_transform,
    get_args,
)

import attrs

from .._decoding.declared import Model, declare, declared, required
from .._decoding.grammar import words_of
from .._decoding.place import Place, unreadable
from .._decoding.readers import reader_of
from .._views.view import View
from ..types import UNSET, JsonObject
from .resend import sendable
from .values import fits, takes_ids, to_json

B = TypeVar("B")
P = ParamSpec("P")
V = TypeVar("V", bound=View)


@dataclass_transform(kw_only_default=True, field_specifiers=(declare,))
class _Declaration(Model):
    """Makes an attrs class of each subclass, without a decorator on it."""

    def __init_subclass__(cls) -> None:
        # Without slots, attrs changes the class itself instead of replacing it.
        super().__init_subclass__()
        made: Any = attrs.define(cls, slots=False, kw_only=True, repr=False)
        cls._names = frozenset(one.name for one in attrs.fields(made))

    _names: ClassVar[frozenset[str]]

    if not TYPE_CHECKING:  # Else type checkers would let any attribute be set.

        def __setattr__(self, name: str, value: object) -> None:
            if name not in self._names:
                raise AttributeError(f"{type(self).__name__} has no field {name!r}")
            object.__setattr__(self, name, value)


class Body(_Declaration):
    """The body of a call. Fields that are ``UNSET`` are not sent.

    Attributes:
        additional_properties: Fields that the pinned API does not have, to be sent as they are.
    """

    additional_properties: JsonObject = declare(factory=JsonObject)

    @classmethod
    def from_dict(cls, data: JsonObject) -> Self:
        """Read a JSON object.

        Raises:
            DecodeError: A field is of another type, or a required one is missing.
        """
        return cls._read(data, None)

    @classmethod
    def _read(cls, value: Any, place: Place) -> Self:
        """Read a JSON value; raises as :meth:`from_dict`."""
        if type(value) is not dict:
            raise unreadable(place, words_of(cls), value)
        for key in required(cls):
            if key not in value:
                raise unreadable((place, key), "a value", UNSET)
        known = declared(cls)
        additional = {key: one for key, one in value.items() if key not in known}
        return cls(**_values(cls, value, place), additional_properties=additional)

    def to_dict(self) -> JsonObject:
        """The JSON object that is sent.

        Raises:
            TypeError: A field has a value of another type.
            MissingFieldError: An object to refer to was answered without its id.
        """
        data: JsonObject = {}
        for key, one in declared(type(self)).items():
            value = getattr(self, one.name)
            if value is not UNSET:
                if not fits(value, one.type):
                    raise TypeError(
                        f"{type(self).__name__}.{one.name} must be {words_of(one.type)}, not "
                        f"{value!r:.80}"
                    )
                json = to_json(value, is_id=takes_ids(one.type))
                data[key] = json["id"] if one.bare and isinstance(value, View) else json
        return data | self.additional_properties

    def __repr__(self) -> str:
        inside = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(inside)})"

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        """The fields that are set."""
        for one in declared(type(self)).values():
            # A traceback may show a body that is only half made.
            value = getattr(self, one.name, UNSET)
            if value is not UNSET:
                yield one.name, "***" if one.secret and value else value
        if additional := getattr(self, "additional_properties", None):
            yield "additional_properties", additional


class BodyOf(Body, Generic[V]):
    """The body that creates and updates objects of a model."""

    @classmethod
    def of(cls: Callable[P, B], view: V, /, *args: P.args, **changes: P.kwargs) -> B:
        """Make the body that leaves an object as it is, except for some changes.

        >>> body = DatasetWrite.of(dataset, title="New")
        >>> await api.datasets.update_dataset(client, dataset.id, body=body)

        It has the fields that the body takes and the answer has, except for those that an update
        should leave alone: fields that are answered in another form than they are sent, such as
        the link to the datasets of a dataservice, and fields that others may change meanwhile,
        such as the resources of a dataset.

        Args:
            view: The object, as it was answered. A field of which its mask left out all or a part
                is not in the body.
            args: Not used: fields are given by keyword.
            changes: The fields that change.

        Raises:
            DecodeError: A field of the object is of another type than declared.
            TypeError: The object is of another model.
        """
        # Typed as a function, so that type checkers check the changes against its parameters.
        model: Any = cls
        _check_read(model, view)
        changed = {key for key, one in declared(model).items() if one.name in changes}
        values = _values(model, sendable(view, model, changed), view._place)
        body: B = model(*args, **values, **changes)
        return body


def _values(model: type[Body], json: JsonObject, place: Place) -> dict[str, Any]:
    """The values of the attributes of a body."""
    known = declared(model)
    return {
        known[key].name: reader_of(known[key].type)(value, (place, key))
        for key, value in json.items()
        if key in known
    }


def _check_read(model: type[Body], view: object) -> None:
    """Refuse to make a body of anything but the model that it updates.

    Raises:
        TypeError: The object is of another model.
    """
    bases: Any = model
    (read,) = get_args(bases.__orig_bases__[0])
    if not isinstance(view, read):
        raise TypeError(f"{model.__name__}.of takes an answered {read.__name__}, not {view!r:.80}")
