"""Typed projections: a class that declares the fields it wants, which an answer is decoded into."""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_origin

import msgspec
from attrs import frozen

from . import masks
from ._declared import is_model
from .decoding import parse
from .errors import DecodeError, MaskError, one_line
from .parts import mask_of, parts_of

if TYPE_CHECKING:
    from .masks import Mask
    from .operation import Operation
    from .parts import Part, Parts

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


class _Key(msgspec.Struct):
    id: Any = None


class _Keys(msgspec.Struct):
    data: list[_Key]


@frozen
class Projection(Generic[T]):
    """How a class is filled from answers.

    Attributes:
        class_: The class.
        parts: What becomes of the fields that it wants.
    """

    class_: type[T]
    parts: Parts

    @property
    def mask(self) -> Mask:
        """The fields that it wants."""
        return mask_of(self.parts)

    def one(self, operation: str, content: bytes) -> T:
        """Decode an answer that is one object."""
        return cast("T", self._decode(operation, content, self.class_))

    def many(self, operation: str, content: bytes) -> list[T]:
        """Decode an answer that is a list."""
        return cast("list[T]", self._decode(operation, content, cast("Any", list)[self.class_]))

    def page(self, operation: str, content: bytes) -> Page[T]:
        """Decode an answer that is a page of a list."""
        return cast("Page[T]", self._decode(operation, content, cast("Any", Page)[self.class_]))

    def keys(self, operation: str, content: bytes) -> list[object]:
        """The ids of the items of a page, whether the class has them or not."""
        with contextlib.suppress(msgspec.DecodeError):
            return [item.id for item in _decoder(_Keys).decode(content).data]
        return [item.get("id") for item in parse(operation, content)["data"]]

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
    if not masks.is_class(class_):
        raise MaskError(f"{operation.id}: {class_!r:.80} is no class")
    if is_model(class_):
        raise MaskError(
            f"{operation.id}: {name} is a model of the API: declare a class of your own with the "
            "fields wanted, or name them in fields"
        )
    try:
        return _projection(cast("Any", class_), operation)
    except MaskError as error:
        raise MaskError(one_line(f"{operation.id}: {name}: {error}")) from None


@lru_cache(maxsize=256)
def _projection(class_: Any, operation: Operation) -> Projection[Any]:
    parts = parts_of(class_, masks.model_of(operation))
    try:
        _decoder(class_)
    except TypeError as error:
        raise MaskError(f"msgspec cannot decode into it: {error}") from None
    return Projection(class_, parts)


@lru_cache(maxsize=256)
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


def _renames(parts: Parts) -> bool:
    return any(
        key != one.key or (one.inside is not None and _renames(one.inside))
        for key, one in parts.items()
    )


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
    words, _, where = message.partition(" - at ")
    path = where.strip("`") or "$"
    if words.startswith("Expected "):
        expected = words.removeprefix("Expected ")
        return DecodeError("something else", operation=operation, path=path, expected=expected)
    expected = "what the class declares"
    return DecodeError(words, operation=operation, path=path, expected=expected)
