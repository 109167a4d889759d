"""The fields that a caller's class declares, checked against what a model of the API can have."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from types import NoneType
from typing import Any, TypeAlias, get_origin

import msgspec
from attrs import fields as attrs_fields
from attrs import frozen, has
from msgspec import inspect

from .._decoding.dates import read_date, read_datetime
from .._decoding.declared import Model, declared
from .._decoding.grammar import Alternative, alternatives, code_of
from ..errors import MaskError
from ..types import Mask
from . import mask as masks


@frozen
class Selected:
    """A field that a class selects from an answer.

    Attributes:
        key: The key that msgspec looks for: the field's own, unless the class cannot express it.
        inside: The selection from its own fields, if it is an object or a list of objects.
        iso: Converts its text into one that msgspec reads, if it is a date.
    """

    key: str
    inside: Selection | None = None
    iso: Callable[[str], str] | None = None


Selection: TypeAlias = Mapping[str, Selected]
"""The fields that a class selects from an object, by their keys in the answer."""


_Object: TypeAlias = inspect.StructType | inspect.DataclassType | inspect.TypedDictType
_OBJECTS = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)
_LISTS = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)
_SETS = (inspect.SetType, inspect.FrozenSetType)
_UNHASHABLE = (inspect.AnyType, inspect.DictType, *_OBJECTS, *_LISTS)
_KEYS = (inspect.StrType, inspect.AnyType)
_SCALARS: dict[Any, tuple[type[inspect.Type], ...]] = {
    NoneType: (inspect.NoneType,),
    bool: (inspect.BoolType,),
    int: (inspect.IntType, inspect.FloatType, inspect.DecimalType),
    float: (inspect.FloatType, inspect.DecimalType),
    str: (inspect.StrType,),
    dt.datetime: (inspect.DateTimeType, inspect.StrType),
    dt.date: (inspect.DateType, inspect.StrType),
}
"""A scalar type of the models -> the types of a class that hold all of its values."""

_ISO: dict[type[inspect.Type], Callable[[str], str]] = {
    inspect.DateTimeType: lambda text: read_datetime(text).isoformat(),
    inspect.DateType: lambda text: dt.date.isoformat(read_date(text)),
}
"""A date type -> the function that converts its text into one that msgspec reads."""


def selection_of(class_: Any, model: type[Model]) -> Selection:
    """The fields that a class selects from a model.

    Raises:
        MaskError: The model lacks a field, or the class cannot hold all of its values.
    """
    try:
        info = inspect.type_info(class_)
    except (NameError, SyntaxError) as error:
        raise MaskError(
            f"{error}: declare it, and what it names, at the level of a module"
        ) from None
    except (NotImplementedError, TypeError) as error:
        raise MaskError(f"msgspec cannot decode into it: {error}") from None
    if not isinstance(info, _OBJECTS):
        raise MaskError("it is not an attrs class, dataclass, TypedDict or msgspec Struct")
    selection = _selection(info, model, "", ())
    masks.check(mask_of(selection), model)
    return selection


def mask_of(selection: Selection) -> Mask:
    """The mask of a selection."""
    return {
        key: None if one.inside is None else mask_of(one.inside) for key, one in selection.items()
    }


def _selection(
    info: _Object, model: type[Model] | None, where: str, above: tuple[type, ...]
) -> dict[str, Selected]:
    """The fields that a class selects from a model, or from free-form JSON without one."""
    if info.cls in above:
        raise MaskError(f"{info.cls.__name__} contains itself: a mask must end somewhere")
    if isinstance(info, inspect.StructType) and info.array_like:
        raise MaskError(f"{info.cls.__name__} is array_like: the API sends objects")
    known = declared(model) if model else {}
    names = {one.name: key for key, one in known.items()}
    aliases, computed = _attributes_of(info.cls)
    selection: dict[str, Selected] = {}
    for field in info.fields:
        if field.name in computed and not field.required:
            continue
        key, alias = field.encode_name, aliases.get(field.name, "")
        if key not in known:
            key = alias if alias in known else names.get(key, key)
        place = f"{where}{key}"
        if key in selection:
            raise MaskError(f"two fields of {info.cls.__name__} are {place}")
        if model is None:
            type_: Any = Any
            masks.check_key(key, where)
        elif key in known:
            type_ = known[key].type
        else:
            raise masks.unknown(key, model, where)
        _check_decodable(field.type, place)
        held = [*_held(field.type)]
        selection[key] = _selected(field.encode_name, type_, held, place, (*above, info.cls))
    return selection


def _selected(
    key: str, type_: Any, held: list[inspect.Type], where: str, above: tuple[type, ...]
) -> Selected:
    """Plan how one field is converted, and check that the caller's type can hold it."""
    if any(isinstance(one, inspect.AnyType) for one in held):
        return Selected(key)
    objects = [one for one in held if isinstance(one, _OBJECTS)]
    lists = [one for one in held if isinstance(one, _LISTS)]
    if len(objects) > 1:
        raise MaskError(f"{where} is one of several classes: a mask can only be made for one")
    selected = Selected(key, iso=next((_ISO[type(one)] for one in held if type(one) in _ISO), None))
    for one in alternatives(type_):
        if one.kind in ("any", "list") and lists:
            items = [*_held(lists[0].item_type)]
            item = one.item if one.kind == "list" else Any
            selected = _selected(key, item, items, f"{where}[]", above)
        elif one.kind in ("any", "object", "model") and objects:
            model = one.type if one.kind == "model" else None
            selected = Selected(key, inside=_selection(objects[0], model, f"{where}.", above))
        elif not any(_holds(choice, one) for choice in held):
            raise MaskError(
                f"{where} is {code_of(type_)} in the API, and the declared type cannot hold {one}"
            )
    return selected


def _holds(held: inspect.Type, one: Alternative) -> bool:
    """Whether a caller's type can hold every value of a model's type."""
    if one.kind in ("object", "model"):
        return isinstance(held, inspect.DictType) and (
            one.kind == "object"
            or any(isinstance(value, inspect.AnyType) for value in _held(held.value_type))
        )
    if one.type is str and isinstance(held, inspect.EnumType):
        # The API's enums are open, and so must be the caller's.
        return "_missing_" in vars(held.cls)
    return one.kind == "any" or isinstance(held, _SCALARS.get(one.type, ()))


def _check_decodable(held: inspect.Type, where: str) -> None:
    """Refuse a type for which msgspec would only fail once an answer arrives."""
    for one in _held(held):
        if isinstance(one, inspect.CustomType | inspect.RawType):
            name = getattr(one, "cls", msgspec.Raw).__name__
            raise MaskError(f"{where} is declared as {name}, into which nothing can be decoded")
        if isinstance(one, inspect.DictType):
            if not all(isinstance(key, _KEYS) for key in _held(one.key_type)):
                raise MaskError(f"{where} is declared with keys other than str, as JSON has them")
            _check_decodable(one.value_type, where)
        elif isinstance(one, _LISTS):
            _check_decodable(one.item_type, f"{where}[]")
            items = _held(one.item_type)
            if isinstance(one, _SETS) and any(isinstance(item, _UNHASHABLE) for item in items):
                raise MaskError(
                    f"{where} is declared as a set, whose items may be objects or lists"
                )


def _attributes_of(class_: type) -> tuple[dict[str, str], set[str]]:
    """The aliases of the fields of a class in __init__, and the fields that it does not take."""
    class_ = get_origin(class_) or class_
    if Model in class_.__mro__:
        raise MaskError(
            f"{class_.__name__} is a model of the portal: give fields instead of a class, or "
            "declare the field as dict[str, Any] and read it with from_dict"
        )
    if has(class_):
        fields = attrs_fields(class_)
        if hasattr(class_, "__attrs_init__") or any(one.converter for one in fields):
            raise MaskError(
                f"{class_.__name__} has converters or an __init__ of its own, which are not called "
                "when an answer is decoded into it: __attrs_post_init__ is"
            )
        aliases = {one.name: one.alias for one in fields if one.alias}
        return aliases, {one.name for one in fields if not one.init}
    if is_dataclass(class_):
        # The arguments of @dataclass are stored nowhere else, and unknown to type checkers.
        if not class_.__dataclass_params__.init:  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
            raise MaskError(
                f"{class_.__name__} has an __init__ of its own, which is not called when an answer "
                "is decoded into it: __post_init__ is"
            )
        return {}, {one.name for one in dataclass_fields(class_) if not one.init}
    return {}, set()


def _held(held: inspect.Type) -> Iterator[inspect.Type]:
    """The types that a caller's field allows."""
    if isinstance(held, inspect.UnionType):
        for one in held.types:
            yield from _held(one)
    elif isinstance(held, inspect.Metadata):
        yield from _held(held.type)
    elif isinstance(held, inspect.CustomType) and held.cls is object:
        yield inspect.AnyType()
    else:
        yield held
