"""Parameters as text: those of a query, and the fields of a form beside its files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ..operation import Operation

QueryValue: TypeAlias = str | int | float | bool | dt.date | Sequence[str] | None
"""A query parameter: repeated when it is a sequence, left out when it is None."""


def pairs(query: Mapping[str, QueryValue], operation: Operation) -> list[tuple[str, str]]:
    """The query parameters of an operation as they are sent.

    Raises:
        ValueError: A parameter has an unsupported type.
    """
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
        return str.__str__(value)  # The value of an enum.
    if isinstance(value, int | float):
        return repr(value) if isinstance(value, float) else str(int(value))
    raise ValueError(
        f"{operation.name}: the parameter {name} is {value!r}: it must be text, a number, a date, "
        "True or False, or None to leave it out"
    )


def _several(value: QueryValue) -> Sequence[object]:
    if value is None:
        return []
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
