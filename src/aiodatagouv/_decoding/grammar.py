"""The grammar of declared types: everything that walks a type does so with :func:`alternatives`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

from attrs import frozen

from ..types import File, Unset
from .declared import is_model

Kind: TypeAlias = Literal["any", "null", "scalar", "date", "list", "object", "model"]


@frozen
class Alternative:
    """One of the types that a value may have.

    Attributes:
        kind: Its kind; ``object`` is free-form JSON, ``model`` a class of this library.
        type: The Python type of its values.
        item: The declared type of the items of a list.
        values: The known values of an enum.
    """

    kind: Kind
    type: Any
    item: Any = None
    values: tuple[str, ...] = ()

    @property
    def json_types(self) -> tuple[type, ...]:
        """The Python types of its JSON: exactly those, not their subclasses."""
        return (float, int) if self.type is float else _JSON.get(self.kind, (self.type,))

    @property
    def words(self) -> str:
        """Its name in error messages."""
        if self.kind == "model":
            return f"an object ({self.type.__name__})"
        return _WORDS.get(self.kind) or _WORDS[self.type]

    def __str__(self) -> str:
        """Its name in code."""
        if self.kind == "list":
            return f"list[{code_of(self.item)}]"
        return _CODE.get(self.kind) or str(self.type.__name__)


_JSON: dict[str, tuple[type, ...]] = {
    "any": (str, bool, int, float, dict, list, NoneType),
    "date": (str,),
    "list": (list,),
    "object": (dict,),
    "model": (dict,),
}
_WORDS: dict[Any, str] = {
    "null": "null",
    "date": "a date",
    "list": "a list",
    "object": "an object",
    "any": "JSON",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    File: "a file",
}
_CODE = {"any": "Any", "null": "None", "object": "dict"}
_SCALARS = (str, bool, int, float, File)


@cache
def alternatives(type_: Any) -> tuple[Alternative, ...]:
    """The types that a declared type allows, without that of ``UNSET``.

    Raises:
        TypeError: JSON has no values of such a type.
    """
    origin = get_origin(type_)
    if origin in (Union, UnionType):
        return tuple(found for one in get_args(type_) for found in alternatives(one))
    if type_ is Unset:
        return ()
    if type_ is Any:
        return (Alternative("any", object),)
    if type_ is None or type_ is NoneType:
        return (Alternative("null", NoneType),)
    if origin is Literal:
        return (Alternative("scalar", str, values=get_args(type_)),)
    if origin in (list, Sequence):
        return (Alternative("list", list, item=get_args(type_)[0]),)
    if origin is dict:
        return (Alternative("object", dict),)
    if is_model(type_):
        return (Alternative("model", type_),)
    if type_ in (dt.datetime, dt.date):
        return (Alternative("date", type_),)
    if type_ in _SCALARS:
        return (Alternative("scalar", type_),)
    raise TypeError(f"{type_} is not a type of JSON: it has texts, numbers, lists, objects, dates")


def code_of(type_: Any) -> str:
    """The name of a declared type in code."""
    return " | ".join(dict.fromkeys(map(str, alternatives(type_))))


def is_nullable(type_: Any) -> bool:
    """Whether a declared type allows null."""
    return any(one.kind == "null" for one in alternatives(type_))


def words_of(type_: Any) -> str:
    """The name of a declared type in error messages."""
    return " or ".join(dict.fromkeys(one.words for one in alternatives(type_)))
