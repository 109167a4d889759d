"""Typed projections: a class that declares the fields it wants, which an answer is decoded into."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
)

import msgspec
from attrs import frozen
from msgspec import inspect

from . import masks
from ._model import Model, declared, is_model
from .dates import read_date, read_datetime
from .decoding import parse
from .errors import DecodeError, MaskError
from .types import Unset

if TYPE_CHECKING:
    from .masks import Mask
    from .operation import Operation

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T]):
    """One page of a list whose items are decoded into a class of the caller's.

    Attributes:
        data: The items.
        page: The number of this page, from 1.
        page_size: How many items a page has at most.
        total: How many items all pages have.
        next_page: The address of the page after this one, None on the last.
        previous_page: The address of the page before this one, None on the first.
    """

    data: list[T]
    page: int
    page_size: int
    total: int
    next_page: str | None
    previous_page: str | None


_Object: TypeAlias = inspect.StructType | inspect.DataclassType | inspect.TypedDictType
_OBJECTS = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)
_LISTS = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)
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


@frozen
class Projection(Generic[T]):
    """How a class is filled from answers.

    Attributes:
        class_: The class.
        mask: The fields that it wants.
        parts: What becomes of them.
    """

    class_: type[T]
    mask: Mask
    parts: Parts

    def one(self, operation: str, content: bytes) -> T:
        """Decode an answer that is one object."""
        return cast("T", self._decode(operation, content, self.class_))

    def many(self, operation: str, content: bytes) -> list[T]:
        """Decode an answer that is a list."""
        return cast("list[T]", self._decode(operation, content, cast("Any", list)[self.class_]))

    def page(self, operation: str, content: bytes) -> Page[T]:
        """Decode an answer that is a page of a list."""
        return cast("Page[T]", self._decode(operation, content, cast("Any", Page)[self.class_]))

    def _decode(self, operation: str, content: bytes, type_: Any) -> Any:
        if not _renames(self.parts):
            with contextlib.suppress(msgspec.DecodeError, RecursionError):
                return _decoder(type_).decode(content)
        # Names that the class cannot have, dates and numbers that are not quite JSON's, or an
        # answer that does not fit.
        data = parse(operation, content)
        if get_origin(type_) is Page and isinstance(data, dict):
            data = {**data, "data": _adapt(data.get("data"), self.parts)}
        else:
            data = _adapt(data, self.parts)
        try:
            return msgspec.convert(data, type_)
        except msgspec.ValidationError as error:
            raise _mismatch(operation, str(error)) from None


def projection(class_: type[T], operation: Operation) -> Projection[T]:
    """How a class is filled from the answers of an operation.

    Args:
        class_: An attrs class, dataclass, TypedDict or msgspec Struct that declares the fields
            wanted, under the API's names or those of the models (``class_`` for ``class``). Objects
            are classes likewise, as deep as wanted, or ``dict[str, Any]`` for all of them.
        operation: The operation.

    Raises:
        MaskError: The operation takes no mask, or the class does not fit its answer: a field that
            the model does not have, or whose type cannot hold what the model says.
    """
    name = getattr(class_, "__name__", repr(class_))
    if not (isinstance(class_, type) or get_origin(class_)):
        raise MaskError(f"{operation.id}: {class_!r} is no class")
    if is_model(class_):
        raise MaskError(
            f"{operation.id}: {name} is a model of the API: declare a class of your own with the "
            "fields wanted, or name them in fields"
        )
    try:
        return _projection(cast("Any", class_), operation)
    except MaskError as error:
        raise MaskError(f"{operation.id}: {name}: {error}") from None


@lru_cache(maxsize=256)
def _projection(class_: Any, operation: Operation) -> Projection[Any]:
    model = masks.model_of(operation)
    try:
        info = inspect.type_info(class_)
        _decoder(class_)
    except (AttributeError, NameError, TypeError) as error:
        raise MaskError(f"msgspec cannot decode into it: {error}") from None
    if not isinstance(info, _OBJECTS):
        raise MaskError("it is no attrs class, dataclass, TypedDict or msgspec Struct")
    parts = _parts(info, model, "", ())
    mask = _mask(parts)
    masks.check(mask, model)
    return Projection(class_, mask, parts)


@lru_cache(maxsize=256)
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


def _mask(parts: Parts) -> Mask:
    return {key: None if one.inside is None else _mask(one.inside) for key, one in parts.items()}


def _renames(parts: Parts) -> bool:
    return any(
        key != one.key or (one.inside is not None and _renames(one.inside))
        for key, one in parts.items()
    )


def _parts(
    info: _Object, model: type[Model] | None, where: str, above: tuple[type, ...]
) -> dict[str, Part]:
    """What a class wants of a model, or of free-form JSON when there is none."""
    if info.cls in above:
        raise MaskError(f"{info.cls.__name__} contains itself: a mask has to end somewhere")
    if isinstance(info, inspect.StructType) and info.array_like:
        raise MaskError(f"{info.cls.__name__} is array_like: the API answers objects")
    known = declared(model) if model else {}
    attributes = {one.name: key for key, one in known.items()}
    parts: dict[str, Part] = {}
    for field in info.fields:
        key = field.encode_name
        key = key if key in known else attributes.get(key, key)
        place = f"{where}{key}"
        if model is None:
            type_: Any = Any
            masks.check_key(key, where)
        elif key in known:
            type_ = known[key].type
        else:
            raise masks.unknown(key, model, where)
        held = [*_alternatives_of(field.type)]
        parts[key] = _part(field.encode_name, type_, held, place, (*above, info.cls))
    return parts


def _part(
    key: str, type_: Any, held: list[inspect.Type], where: str, above: tuple[type, ...]
) -> Part:
    """What becomes of a field, whose type in the model a caller's type must be able to hold."""
    if any(isinstance(one, inspect.AnyType | inspect.RawType) for one in held):
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
                f"{where} is {_words(type_)} in the API, and what the class declares cannot hold "
                f"{_words(one)}"
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
            isinstance(one, inspect.AnyType | inspect.RawType)
            for one in _alternatives_of(held.value_type)
        )
    if get_origin(type_) is Literal:
        values = set(get_args(type_))
        if isinstance(held, inspect.LiteralType):
            return values <= set(held.values)
        if isinstance(held, inspect.EnumType):
            return values <= {one.value for one in held.cls}
        return isinstance(held, inspect.StrType)
    return isinstance(held, _SCALARS.get(type_, ()))


def _alternatives(type_: Any) -> list[Any]:
    """The types that a model's field may have. An enum is known by its values, although open."""
    if get_origin(type_) not in (Union, UnionType):
        return [type_]
    several = [inner for one in get_args(type_) if one is not Unset for inner in _alternatives(one)]
    is_enum = any(get_origin(one) is Literal for one in several)
    return [one for one in several if not (is_enum and one is str)]


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


def _words(type_: Any) -> str:
    """A type as it is written."""
    if get_origin(type_) in (Union, UnionType):
        return " | ".join(_words(one) for one in _alternatives(type_))
    if get_origin(type_) is Literal:
        return "str"
    if get_origin(type_) is list:
        return f"list[{_words(get_args(type_)[0])}]"
    if get_origin(type_) is dict:
        return "dict"
    return "None" if type_ is NoneType else getattr(type_, "__name__", str(type_))


def _adapt(data: Any, parts: Parts) -> Any:
    """Give the fields the names and dates that msgspec expects."""
    if isinstance(data, list):
        return [_adapt(item, parts) for item in data]
    if isinstance(data, dict):
        fields = cast("dict[str, Any]", data)
        return {one.key: _adapted(fields[key], one) for key, one in parts.items() if key in fields}
    return data


def _adapted(value: Any, part: Part) -> Any:
    if part.inside is not None:
        return _adapt(value, part.inside)
    if part.iso is None:
        return value
    if isinstance(value, list):
        return [_adapted(item, part) for item in value]
    # What cannot be read is left for msgspec to refuse.
    with contextlib.suppress(TypeError, ValueError):
        return part.iso(value)
    return value


_MISSING = re.compile(r"Object missing required field `(.*?)`(?: - at `(.*)`)?")
_WRONG = re.compile(r"Expected `(.*?)`, got `(.*?)`(?: - at `(.*)`)?")


def _mismatch(operation: str, message: str) -> DecodeError:
    """The error that msgspec's words stand for."""
    if found := _MISSING.fullmatch(message):
        name, path = found.groups()
        return DecodeError(
            "nothing", operation=operation, path=f"{path or '$'}.{name}", expected="a value"
        )
    if found := _WRONG.fullmatch(message):
        expected, got, path = found.groups()
        return DecodeError(got, operation=operation, path=path or "$", expected=expected)
    words, _, path = message.partition(" - at ")
    return DecodeError(
        words, operation=operation, path=path.strip("`") or "$", expected="what fits"
    )
