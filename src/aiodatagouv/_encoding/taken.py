"""The body that an operation takes: checked against its declared type, and encoded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, get_type_hints

from .._decoding.grammar import alternatives
from ..operation import Operation
from ..types import JsonObject
from .values import fits, to_json


def json_of(operation: Operation, body: object) -> Any:
    """The JSON of a body that an operation takes, None if it takes none.

    Raises:
        TypeError: The operation takes another body.
        ValueError: An update would delete a field that the body does not mention.
    """
    taken = None if operation.method == "GET" else body_type(operation)
    if taken is None:
        return None
    if not fits(body, taken):
        one = alternatives(taken)[0]
        expected = f"list of {alternatives(one.item)[0]}" if one.kind == "list" else one
        raise TypeError(f"{operation.name}: the body must be a {expected}, not {body!r:.80}")
    try:
        json = to_json(body, is_id=False)
    except RecursionError:
        raise ValueError(f"{operation.name}: the body is nested too deeply to be sent") from None
    missing = [group for group in operation.lost if not _has_one(json, group)]
    if missing:
        named = " and ".join(" or ".join(group) for group in missing)
        ways = f"send the present value, as {type(body).__name__}.of(...) does"
        if all(len(group) == 1 for group in missing):
            ways += ", or None or [] to delete it"
        raise ValueError(
            f"{operation.name}: the body lacks {named}, which the portal would delete: {ways}"
        )
    return json


@cache
def body_type(operation: Operation) -> Any:
    """The type, not its name, of the body that an operation's function takes, None for no body."""
    return get_type_hints(operation.function).get("body")


def _has_one(body: JsonObject, group: Sequence[str]) -> bool:
    """Whether a body has a field of a group; in a group of several, one that is not null."""
    return any(key in body and (len(group) == 1 or body[key] is not None) for key in group)
