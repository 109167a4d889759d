"""Lists: the objects that a request sees, filtered, sorted and cut into pages."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlencode

from .._decoding.dates import read_datetime
from .._decoding.declared import declared
from .._views.view import View
from ..operation import Operation
from ..types import JsonObject
from ._refusals import RefusedError, invalid
from .errors import UnansweredError

Query: TypeAlias = Mapping[str, list[str]]
"""The query of a request: each parameter with its values."""

DELETED = ("deleted", "deleted_at")
"""The fields whose date tells that an object was deleted."""

_HIDING = (*DELETED, "archived", "archived_at")
_OWNERS = ("organization", "owner")
_ID = re.compile(r"[0-9a-f]{24}")


def is_deleted(value: JsonObject) -> bool:
    """Whether an object was deleted."""
    return any(value.get(key) for key in DELETED)


def is_public(value: JsonObject) -> bool:
    """Whether an object is listed for everybody."""
    return not value.get("private") and not any(value.get(key) for key in _HIDING)


def listed(
    operation: Operation, model: type[View], objects: Iterable[JsonObject], query: Query
) -> list[JsonObject]:
    """The objects of a list that pass the filters of a query, in its order.

    Raises:
        RefusedError: The server refuses a filter.
        UnansweredError: It has a filter or an order that cannot be simulated.
    """
    found = [*objects]
    for name, values in query.items():
        if name not in ("page", "page_size", "sort"):
            passes = _filter(operation, model, name, values)
            found = [one for one in found if passes(one)]
    return _sorted(operation, model, found, query.get("sort", [""])[-1])


def _filter(
    operation: Operation, model: type[View], name: str, values: list[str]
) -> Callable[[JsonObject], bool]:
    value, fields = values[-1], declared(model)
    if name == "tag" and "tags" in fields:
        return lambda one: {*values} <= {*(one.get("tags") or [])}
    if name in _OWNERS and name in fields:
        if not _ID.fullmatch(value):
            raise RefusedError(400, {"message": f"`{name}` must be an identifier"})
        return lambda one: bool(_at(one, f"{name}.id") == value)
    if name == "featured" and name in fields:
        if value.lower() not in ("true", "false"):
            problem = f"Invalid literal for boolean(): {value}"
            raise _invalid(name, problem)
        return lambda one: bool(one.get(name)) is (value.lower() == "true")
    if name == "license" and name in fields and value != "notspecified":
        return lambda one: bool(one.get(name) == value)
    raise UnansweredError(
        f"{operation.name}: the portal in memory has no filter {name!r}: state the answer by "
        f"FakePortal.answer({operation.name!r}, [...], parameters={{{name!r}: ...}})"
    )


def _sorted(
    operation: Operation, model: type[View], found: list[JsonObject], sort: str
) -> list[JsonObject]:
    order, name = operation.created, sort.removeprefix("-")
    dates = {one.sort: one.date for one in (operation.created, operation.changed) if one}
    paths = dates | {key: key for key in ("title", "name") if key in declared(model)}
    if not sort:
        sort, name = ("-", order.sort) if order is not None else ("", "")
    if not name:
        return found
    if name not in paths:
        raise UnansweredError(
            f"{operation.name}: the portal in memory has no order {name!r}, only "
            f"{', '.join(sorted(paths))}: state the answer by FakePortal.answer"
        )
    read = _moment if name in dates else str

    def key(one: JsonObject) -> tuple[bool, Any]:
        value = _at(one, paths[name])
        return value is not None, value if value is None else read(value)

    return sorted(found, key=key, reverse=sort.startswith("-"))


def _moment(text: str) -> dt.datetime:
    moment = read_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = (value or {}).get(name)
    return value


def page_of(found: list[JsonObject], query: Query, url: str) -> JsonObject | None:
    """The page of a list that a query asks for, None past its end.

    Raises:
        RefusedError: The server refuses its number or size.
    """
    page, size = _number(query, "page", 1), _number(query, "page_size", 20)
    start = (page - 1) * size
    if start >= len(found) and page > 1:
        return None

    def link(number: int) -> str:
        others = [(key, one) for key, values in query.items() for one in values if key != "page"]
        pairs = [*others, ("page", str(number))]
        return f"{url}?{urlencode(pairs)}"

    return {
        "data": found[start : start + size],
        "next_page": link(page + 1) if start + size < len(found) else None,
        "page": page,
        "page_size": size,
        "previous_page": link(page - 1) if page > 1 else None,
        "total": len(found),
    }


def _number(query: Query, name: str, usual: int) -> int:
    text = query.get(name, [str(usual)])[-1]
    if not re.fullmatch(r"-?\d+", text):
        raise _invalid(name, f"{text} is not a valid integer")
    if int(text) < 1:
        problem = f"Invalid {name}: {text}. {name} must be a positive integer"
        raise _invalid(name, problem)
    return int(text)


def _invalid(name: str, problem: str) -> RefusedError:
    return invalid("Input payload validation failed", {name: problem})
