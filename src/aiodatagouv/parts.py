"""What a class declares, held against what a model says of the API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from types import NoneType
from typing import Any, Literal, TypeAlias, get_args, get_origin

import msgspec
from attrs import fields as attrs_fields
from attrs import frozen, has
from msgspec import inspect

from . import masks
from ._declared import Model, alternatives, declared, is_model
from .dates import read_date, read_datetime
from .errors import MaskError
from .masks import Mask


@frozen
class Part:
    """What becomes of a field of an answer.

    Attributes:
        key: The key that msgspec looks for: the field's own, unless the class cannot say that.
        inside: What becomes of its own fields, when it is an object or a list of them.
        iso: How its text becomes one that msgspec reads, when it is a date.
    """

    key: str
    inside: Parts | None = None
    iso: Callable[[str], str] | None = None


Parts: TypeAlias = Mapping[str, Part]
"""What becomes of the fields of an object, by their keys in the answer."""


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
"""A scalar type of the models -> what holds all of its values."""

_ISO: dict[type[inspect.Type], Callable[[str], str]] = {
    inspect.DateTimeType: lambda text: read_datetime(text).isoformat(),
    inspect.DateType: lambda text: dt.date.isoformat(read_date(text)),
}
"""How the text of a date becomes one that msgspec reads."""


def parts_of(class_: Any, model: type[Model]) -> Parts:
    """What a class wants of a model.

    Raises:
        MaskError: The model does not have it, or the class cannot hold what it has.
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
        raise MaskError("it is no attrs class, dataclass, TypedDict or msgspec Struct")
    parts = _parts(info, model, "", ())
    masks.check(mask_of(parts), model)
    return parts


def mask_of(parts: Parts) -> Mask:
    """The fields that are wanted."""
    return {key: None if one.inside is None else mask_of(one.inside) for key, one in parts.items()}


def _parts(
    info: _Object, model: type[Model] | None, where: str, above: tuple[type, ...]
) -> dict[str, Part]:
    """What a class wants of a model, or of free-form JSON when there is none."""
    if info.cls in above:
        raise MaskError(f"{info.cls.__name__} contains itself: a mask has to end somewhere")
    if isinstance(info, inspect.StructType) and info.array_like:
        raise MaskError(f"{info.cls.__name__} is array_like: the API answers objects")
    known = declared(model) if model else {}
    names = {one.name: key for key, one in known.items()}
    aliases, computed = _attributes_of(info.cls)
    parts: dict[str, Part] = {}
    for field in info.fields:
        if field.name in computed and not field.required:
            continue
        key, alias = field.encode_name, aliases.get(field.name, "")
        if key not in known:
            key = alias if alias in known else names.get(key, key)
        place = f"{where}{key}"
        if key in parts:
            raise MaskError(f"two fields of {info.cls.__name__} are {place}")
        if model is None:
            type_: Any = Any
            masks.check_key(key, where)
        elif key in known:
            type_ = known[key].type
        else:
            raise masks.unknown(key, model, where)
        _check_decodable(field.type, place)
        held = [*_alternatives_of(field.type)]
        parts[key] = _part(field.encode_name, type_, held, place, (*above, info.cls))
    return parts


def _part(
    key: str, type_: Any, held: list[inspect.Type], where: str, above: tuple[type, ...]
) -> Part:
    """What becomes of a field, whose type in the model a caller's type must be able to hold."""
    if any(isinstance(one, inspect.AnyType) for one in held):
        return Part(key)
    objects = [one for one in held if isinstance(one, _OBJECTS)]
    lists = [one for one in held if isinstance(one, _LISTS)]
    if len(objects) > 1:
        raise MaskError(f"{where} is one of several classes: the mask is made of one")
    part = Part(key, iso=next((_ISO[type(one)] for one in held if type(one) in _ISO), None))
    for one in _alternatives(type_):
        if get_origin(one) is list and lists:
            items = [*_alternatives_of(lists[0].item_type)]
            part = _part(key, get_args(one)[0], items, f"{where}[]", above)
        elif one is Any and lists:
            part = _part(key, Any, [*_alternatives_of(lists[0].item_type)], f"{where}[]", above)
        elif (one is Any or get_origin(one) is dict or is_model(one)) and objects:
            model = one if is_model(one) else None
            part = Part(key, inside=_parts(objects[0], model, f"{where}.", above))
        elif not any(_holds(choice, one) for choice in held):
            raise MaskError(
                f"{where} is {_written(type_)} in the API, and what the class declares cannot hold "
                f"{_written(one)}"
            )
    return part


def _holds(held: inspect.Type, type_: Any) -> bool:
    """Whether a caller's type can hold every value of a model's."""
    if type_ is Any:
        return True
    if get_origin(type_) is dict:
        return isinstance(held, inspect.DictType)
    if is_model(type_):
        return isinstance(held, inspect.DictType) and any(
            isinstance(one, inspect.AnyType) for one in _alternatives_of(held.value_type)
        )
    if type_ is str and isinstance(held, inspect.EnumType):
        # The API's enums are open: so must be the caller's.
        return "_missing_" in vars(held.cls)
    return isinstance(held, _SCALARS.get(type_, ()))


def _check_decodable(held: inspect.Type, where: str) -> None:
    """Refuse what msgspec would only find out from an answer that it cannot decode."""
    for one in _alternatives_of(held):
        if isinstance(one, inspect.CustomType | inspect.RawType):
            name = getattr(one, "cls", msgspec.Raw).__name__
            raise MaskError(f"{where} is declared as {name}, which nothing is decoded into")
        if isinstance(one, inspect.DictType):
            if not all(isinstance(key, _KEYS) for key in _alternatives_of(one.key_type)):
                raise MaskError(f"{where} is declared with keys that are no str, as JSON's are")
            _check_decodable(one.value_type, where)
        elif isinstance(one, _LISTS):
            _check_decodable(one.item_type, f"{where}[]")
            items = _alternatives_of(one.item_type)
            if isinstance(one, _SETS) and any(isinstance(item, _UNHASHABLE) for item in items):
                raise MaskError(f"{where} is declared as a set of what may be an object or a list")


def _attributes_of(class_: type) -> tuple[dict[str, str], set[str]]:
    """The names by which __init__ takes the fields of a class, and the fields that it does not."""
    class_ = get_origin(class_) or class_
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
        # What @dataclass was told is nowhere else to be read, and unknown to type checkers.
        if not class_.__dataclass_params__.init:  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
            raise MaskError(
                f"{class_.__name__} has an __init__ of its own, which is not called when an answer "
                "is decoded into it: __post_init__ is"
            )
        return {}, {one.name for one in dataclass_fields(class_) if not one.init}
    return {}, set()


def _alternatives(type_: Any) -> list[Any]:
    """The types that a model's field may have; those of its open enums are strs."""
    return [one for one in alternatives(type_) if get_origin(one) is not Literal]


def _alternatives_of(held: inspect.Type) -> Iterator[inspect.Type]:
    """The types that a caller allows."""
    if isinstance(held, inspect.UnionType):
        for one in held.types:
            yield from _alternatives_of(one)
    elif isinstance(held, inspect.Metadata):
        yield from _alternatives_of(held.type)
    elif isinstance(held, inspect.CustomType) and held.cls is object:
        yield inspect.AnyType()
    else:
        yield held


def _written(type_: Any) -> str:
    """A type as it is written."""
    if len(alternatives(type_)) > 1:
        return " | ".join(_written(one) for one in _alternatives(type_))
    if get_origin(type_) is list:
        return f"list[{_written(get_args(type_)[0])}]"
    if get_origin(type_) is dict:
        return "dict"
    return "None" if type_ is NoneType else getattr(type_, "__name__", str(type_))
