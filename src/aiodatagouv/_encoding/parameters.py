"""Parameters as text: those of a path and a query, and the fields of a form beside its files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote

from .._checks import check_text
from ..operation import Operation

QueryValue: TypeAlias = str | int | float | bool | dt.date | Sequence[str] | None
"""A query parameter: repeated when it is a sequence, left out when it is None."""


def pairs(query: Mapping[str, QueryValue], operation: Operation) -> list[tuple[str, str]]:
    """The query parameters of an operation as they are sent.

    Raises:
        TypeError: They are no mapping.
        ValueError: A parameter has an unsupported type.
    """
    if not isinstance(query, Mapping):
        raise TypeError(f"{operation.name}: the parameters must be a mapping, not {query!r:.80}")
    return [
        (name, text(name, one, operation))
        for name, value in query.items()
        for one in _several(value)
    ]


def text(name: str, value: object, operation: Operation) -> str:
    """A parameter of an operation as it is sent.

    Raises:
        ValueError: It has an unsupported type.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str):
        check_text(f"{operation.name}: the parameter {name}", value)
        return str.__str__(value)  # The value of an enum.
    if isinstance(value, int | float):
        return repr(value) if isinstance(value, float) else str(int(value))
    raise ValueError(
        f"{operation.name}: the parameter {name} is {value!r}: it must be text, a number, a date, "
        "True or False, or None to leave it out"
    )


def segment(operation: Operation, name: str, value: object) -> str:
    """A parameter of a path as it is sent.

    Raises:
        ValueError: It is not text or a number, or would lead to another path.
    """
    given = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if given in ("", ".", "..") or "/" in given or "\\" in given:
        shown = next((one.name for one in operation.parameters if one.key == name), name)
        raise ValueError(
            f"{operation.name}: the path parameter {shown} is {value!r}: it must be text, such as "
            "an id or a slug, not empty, not only dots, and without a slash"
        )
    check_text(f"{operation.name}: the path parameter {name}", given)
    return quote(given, safe="")


def _several(value: QueryValue) -> Sequence[object]:
    if value is None:
        return []
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
