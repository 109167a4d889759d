"""Typed projections: answers decoded into a class that declares the fields it wants."""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache
from typing import Any, Generic, TypeGuard, TypeVar, cast, get_origin

import msgspec
from attrs import frozen

from .._decoding.declared import is_model
from .._decoding.json import parse
from ..errors import DecodeError, MaskError, one_line
from ..operation import Operation
from ..types import Mask
from . import mask as masks
from .classes import Selected, Selection, mask_of, selection_of

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T]):
    """A page of a list whose items are decoded into a class of the caller.

    Attributes:
        data: The items.
        page: The number of this page, from 1.
        page_size: The most items that a page has.
        total: The number of items of all pages.
        next_page: The URL of the page after this one, None on the last.
        previous_page: The URL of the page before this one, None on the first.
    """

    data: list[T]
    page: int
    page_size: int
    total: int
    next_page: str | None
    previous_page: str | None


class _Key(msgspec.Struct):
    id: Any = None


class _Keys(msgspec.Struct):
    data: list[_Key]


@frozen
class Projection(Generic[T]):
    """The decoding of answers into a class.

    Attributes:
        class_: The class.
        selection: The fields that it selects.
    """

    class_: type[T]
    selection: Selection

    @property
    def mask(self) -> Mask:
        """The mask of the fields that it selects."""
        return mask_of(self.selection)

    def one(self, operation: str, content: bytes) -> T:
        """Decode one object."""
        return cast("T", self._decode(operation, content, self.class_))

    def many(self, operation: str, content: bytes) -> list[T]:
        """Decode a list of objects."""
        return cast("list[T]", self._decode(operation, content, cast("Any", list)[self.class_]))

    def page(self, operation: str, content: bytes) -> Page[T]:
        """Decode a page of a list."""
        return cast("Page[T]", self._decode(operation, content, cast("Any", Page)[self.class_]))

    def keys(self, operation: str, content: bytes) -> list[object]:
        """Read the ids of the items of a page, whether the class selects them or not."""
        with contextlib.suppress(msgspec.DecodeError, UnicodeError):
            return [item.id for item in _decoder(_Keys).decode(content).data]
        return [item.get("id") for item in parse(operation, content)["data"]]

    def _decode(self, operation: str, content: bytes, type_: Any) -> Any:
        if not _renames(self.selection):
            with contextlib.suppress(msgspec.DecodeError, UnicodeError, RecursionError):
                return _decoder(type_).decode(content)
        # Keys that the class cannot express, dates and numbers that msgspec does not read, or an
        # answer that does not fit.
        data = parse(operation, content)
        if get_origin(type_) is Page and isinstance(data, dict):
            data = {**data, "data": _adapt(data.get("data"), self.selection)}
        else:
            data = _adapt(data, self.selection)
        try:
            return msgspec.convert(data, type_)
        except msgspec.ValidationError as error:
            raise _mismatch(operation, str(error)) from None
        except (UnicodeError, RecursionError, OverflowError) as error:
            # Such as half of a surrogate pair, which is not text.
            expected = "a value of the declared type"
            raise DecodeError(str(error), operation=operation, expected=expected) from None


def projection_of(class_: type[T], operation: Operation) -> Projection[T]:
    """Prepare to decode the answers of an operation into a class.

    Args:
        class_: An attrs class, dataclass, TypedDict or msgspec Struct that declares the fields
            wanted, under the API's names or those of the models (``class_`` for ``class``). Objects
            are classes likewise, as deep as wanted, or ``dict[str, Any]`` for all of them.
        operation: The operation.

    Raises:
        MaskError: The operation supports no mask, or the class does not fit its answer: the model
            lacks a field, or a field's type cannot hold all values of the model's.
    """
    name = getattr(class_, "__name__", repr(class_))
    if not _is_class(class_):
        raise MaskError(f"{operation.name}: {class_!r:.80} is not a class")
    if is_model(class_):
        raise MaskError(
            f"{operation.name}: {name} is a model of the API: declare a class of your own with the "
            "fields wanted, or name them in fields"
        )
    try:
        return _projection(cast("Any", class_), operation)
    except MaskError as error:
        raise MaskError(one_line(f"{operation.name}: {name}: {error}", masks.LONGEST)) from None


@lru_cache(maxsize=256)
def _projection(class_: Any, operation: Operation) -> Projection[Any]:
    selection = selection_of(class_, masks.model_of(operation))
    try:
        _decoder(class_)
    except TypeError as error:
        raise MaskError(f"msgspec cannot decode into it: {error}") from None
    return Projection(class_, selection)


@lru_cache(maxsize=256)
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


def _renames(selection: Selection) -> bool:
    return any(
        key != one.key or (one.inside is not None and _renames(one.inside))
        for key, one in selection.items()
    )


def _adapt(data: Any, selection: Selection) -> Any:
    """Convert keys and dates to those that msgspec expects."""
    if isinstance(data, list):
        return [_adapt(item, selection) for item in data]
    if isinstance(data, dict):
        fields = cast("dict[str, Any]", data)
        return {
            one.key: _adapted(fields[key], one) for key, one in selection.items() if key in fields
        }
    return data


def _adapted(value: Any, field: Selected) -> Any:
    if field.inside is not None:
        return _adapt(value, field.inside)
    if field.iso is None:
        return value
    if isinstance(value, list):
        return [_adapted(item, field) for item in value]
    # An unreadable date is left for msgspec to refuse.
    with contextlib.suppress(TypeError, ValueError):
        return field.iso(value)
    return value


def _is_class(value: object) -> TypeGuard[type[Any]]:
    """Whether a value is a class; a generic one may have its parameters."""
    is_annotated = hasattr(value, "__metadata__")
    is_generic = isinstance(get_origin(value), type) and not is_annotated
    return isinstance(value, type) or is_generic


_MISSING = re.compile(r"Object missing required field `(.*?)`(?: - at `(.*)`)?")
_WRONG = re.compile(r"Expected `(.*?)`, got `(.*?)`(?: - at `(.*)`)?")


def _mismatch(operation: str, message: str) -> DecodeError:
    """Translate an error message of msgspec."""
    if found := _MISSING.fullmatch(message):
        name, path = found.groups()
        return DecodeError(
            "nothing", operation=operation, path=f"{path or '$'}.{name}", expected="a value"
        )
    if found := _WRONG.fullmatch(message):
        expected, got, path = found.groups()
        return DecodeError(got, operation=operation, path=path or "$", expected=expected)
    words, _, where = message.partition(" - at ")
    path = where.strip("`") or "$"
    if words.startswith("Expected "):
        expected = words.removeprefix("Expected ")
        return DecodeError("something else", operation=operation, path=path, expected=expected)
    expected = "a value of the declared type"
    return DecodeError(words, operation=operation, path=path, expected=expected)
