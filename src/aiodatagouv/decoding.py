"""From the bytes of a JSON answer to the type that its operation declares."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, cast, get_args, get_origin

import msgspec

from ._model import Model, declared, each, is_model
from .dates import read_datetime
from .errors import DecodeError, NotJSONError
from .types import UNSET, Unset


class Mismatch(NamedTuple):
    """Where JSON does not fit a type."""

    path: str
    expected: str
    found: str


def decode(operation: str, content: bytes, type_: Any) -> Any:
    """Decode an answer.

    Args:
        operation: The id of the operation, for the error.
        content: The answer's body.
        type_: A model, a list of models, or a type of plain JSON.

    Raises:
        DecodeError: It is not JSON, or of another type.
    """
    data = parse(operation, content)
    try:
        return _build(type_, data)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        path, expected, found = mismatch(type_, data) or Mismatch("$", str(type_), repr(error))
        raise DecodeError(found, operation=operation, path=path, expected=expected) from error


def parse(operation: str, content: bytes) -> Any:
    """Parse an answer as plain JSON.

    Raises:
        NotJSONError: It is none.
    """
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = error
    try:
        # Portals let NaN, Infinity and halves of surrogate pairs into extras, which JSON has not.
        return json.loads(content)
    except (ValueError, RecursionError):
        found = repr(content[:80].decode(errors="replace")) if content else "an empty body"
        found += f" ({reason})" if content else ""
        raise NotJSONError(found, operation=operation, expected="JSON") from None


def _build(type_: Any, data: Any) -> Any:
    if is_model(type_):
        return type_.from_dict(data)
    if get_origin(type_) is list and is_model(get_args(type_)[0]) and isinstance(data, list):
        return each(get_args(type_)[0].from_dict, data)
    if mismatch(type_, data):
        raise TypeError(type_)
    return data


def mismatch(type_: Any, data: Any, path: str = "$") -> Mismatch | None:
    """The first place where JSON does not fit a type.

    It looks at every value, which models do not: they trust the API where nothing needs decoding.
    """
    arguments = get_args(type_)
    match get_origin(type_) or type_:
        case kind if kind is Any:
            return None
        case kind if kind in (Union, UnionType):
            return _union_mismatch(arguments, data, path)
        case kind if kind is Literal:
            expected, fits = f"one of {arguments}", data in arguments
        case kind if kind is list and isinstance(data, list):
            items = enumerate(data)
            return _first(mismatch(arguments[0], item, f"{path}[{i}]") for i, item in items)
        case kind if kind is dict:
            expected, fits = "an object", isinstance(data, dict)
        case kind if is_model(kind):
            if isinstance(data, dict):
                return _model_mismatch(kind, cast("dict[str, Any]", data), path)
            expected, fits = f"an object ({kind.__name__})", False
        case kind if kind in (dt.datetime, dt.date):
            expected, fits = "a date", isinstance(data, str) and _is_date(data)
        case kind if kind is float:
            expected, fits = "a number", isinstance(data, int | float)
        case kind:
            # JSON's true and false are ints to Python.
            expected = getattr(kind, "__name__", str(kind))
            fits = isinstance(data, kind) and (kind is bool or not isinstance(data, bool))
    return None if fits else Mismatch(path, expected, f"{data!r:.80}")


def _union_mismatch(types: tuple[Any, ...], data: Any, path: str) -> Mismatch | None:
    nested = [mismatch(type_, data, path) for type_ in types if type_ is not Unset]
    if not all(nested):
        return None
    # The alternative that got furthest is the one that was meant.
    return max(filter(None, nested), key=lambda place: len(place.path))


def _model_mismatch(model: type[Model], data: dict[str, Any], path: str) -> Mismatch | None:
    for key, field in declared(model).items():
        value = data.get(key, UNSET)
        if value is not UNSET:
            place = mismatch(field.type, value, f"{path}.{key}")
        elif Unset not in get_args(field.type):
            place = Mismatch(f"{path}.{key}", "a value", "nothing")
        else:
            place = None
        if place:
            return place
    return None


def _first(places: Iterable[Mismatch | None]) -> Mismatch | None:
    return next(filter(None, places), None)


def _is_date(text: str) -> bool:
    try:
        read_datetime(text)
    except ValueError:
        return False
    return True
