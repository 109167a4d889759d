"""The fields that a model declares: the common base of views and bodies."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from inspect import get_annotations
from types import SimpleNamespace
from typing import Any, Literal, TypeGuard, get_type_hints

import attrs


class Model:
    """The base of every generated class."""

    __slots__ = ()


@attrs.frozen
class Declared:
    """One field of a model.

    Attributes:
        name: The attribute.
        key: The key in JSON.
        model: The model.
        whole: Whether the portal only sends it as a whole, although it has parts.
        secret: Whether it must not be printed.
        absent: Whether a whole answer may lack it; it then reads as None.
        apart: The values that a body must not send back, ``"null"`` for null; True for any value.
        bare: Whether only the id of an object that it refers to is sent.
        default: The value of a body's field that is not set, or of an answer's that is missing.
    """

    name: str
    key: str
    model: type[Model]
    whole: bool
    secret: bool
    absent: bool
    apart: Literal[True] | Sequence[str]
    bare: bool
    default: Any

    @cached_property
    def type(self) -> Any:
        """The type of the attribute. The models that it names are loaded when it is first read."""
        owner = next(one for one in self.model.__mro__ if self.name in get_annotations(one))
        written = SimpleNamespace(__annotations__={"it": get_annotations(owner)[self.name]})
        names = getattr(sys.modules.get(owner.__module__), "__dict__", {})
        return get_type_hints(written, dict(vars(owner)), names)["it"]

    @property
    def is_required(self) -> bool:
        """Whether it has no default."""
        return self.default is attrs.NOTHING


def declare(
    *,
    key: str | None = None,
    whole: bool = False,
    secret: bool = False,
    absent: bool = False,
    apart: Literal[True] | Sequence[str] = (),
    bare: bool = False,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
) -> Any:
    """Declare a field of a model; see :class:`Declared`."""
    flags = {"whole": whole, "secret": secret, "absent": absent, "apart": apart, "bare": bare}
    metadata: dict[str, Any] = {name: flag for name, flag in flags.items() if flag}
    if key is not None:
        metadata["key"] = key
    return attrs.field(default=default, factory=factory, metadata=metadata)


_DECLARED: dict[type, Mapping[str, Declared]] = {}


def declared(model: type[Model]) -> Mapping[str, Declared]:
    """The fields of a model, by their keys in JSON."""
    if model not in _DECLARED:
        fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(model)  # type: ignore[arg-type]
        _DECLARED[model] = {
            key: Declared(
                one.name,
                key,
                model,
                whole="whole" in one.metadata,
                secret="secret" in one.metadata,
                absent="absent" in one.metadata,
                apart=one.metadata.get("apart", ()),
                bare="bare" in one.metadata,
                default=one.default,
            )
            for one in fields
            if one.name != "additional_properties"
            for key in [one.metadata.get("key", one.name)]
        }
    return _DECLARED[model]


def required(model: type[Model]) -> list[str]:
    """The keys of the fields that have no default."""
    return [key for key, one in declared(model).items() if one.is_required]


def is_model(type_: Any) -> TypeGuard[type[Model]]:
    """Whether a type is a model."""
    return isinstance(type_, type) and issubclass(type_, Model)
