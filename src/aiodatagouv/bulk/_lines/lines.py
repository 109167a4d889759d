"""Lines: the items of a page as JSON, left as the portal sent them where that is possible."""

from __future__ import annotations

import json
import math
import sys
from typing import Any, Literal, cast

import msgspec
from attrs import frozen

Lines = list[bytes]
"""Items, each as a JSON object without a line break."""


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]


_PAGE = msgspec.json.Decoder(_Page)


@frozen(eq=False)
class Row:
    """A row of an existing file, or one to replace it.

    Two rows are equal if they have the same values: the same item may have come with other spaces,
    escapes, or order of keys.

    Attributes:
        line: The JSON object, without a line break.
    """

    line: bytes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return False
        return self.line == other.line or self._values() == other._values()

    def _values(self) -> str:
        """The same JSON in one notation. Compared as text, 1 is not true."""
        return json.dumps(json.loads(self.line, parse_int=_whole), sort_keys=True)


def raw_lines(content: bytes) -> Lines | None:
    """The items of a page byte for byte; None if some of them are no lines as they are.

    They are not if the page is not strict JSON in UTF-8 (NaN, halves of surrogate pairs), or is
    written in several lines.
    """
    try:
        if not content.isascii():
            content.decode()  # Skipped values are not checked otherwise.
        body = content.rstrip()  # Portals end their answers with a line break.
        if b"\n" in body or b"\r" in body:
            return None
        return [bytes(item) for item in _PAGE.decode(body).data]
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def line_of(item: Any) -> bytes:
    """An item as a line; NaN, which JSON does not have, becomes null."""
    # Sets have another order in each process; the portal's own order is kept.
    order: Literal["deterministic"] | None = None if type(item) is dict else "deterministic"
    try:
        return msgspec.json.encode(item, order=order)
    except UnicodeEncodeError:
        return msgspec.json.encode(_printable(msgspec.to_builtins(item)), order=order)


def _printable(value: Any) -> Any:
    """JSON in which halves of surrogate pairs, which are not text, are replacement characters."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_printable(one) for one in value]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {_printable(name): _printable(one) for name, one in items}
    return value


def item_of(line: bytes) -> dict[str, Any]:
    """The item of a line; None for a number too large for a float, which no portal sends."""
    try:
        item: dict[str, Any] = msgspec.json.decode(line)
    except msgspec.ValidationError:
        item = msgspec.json.decode(line_of(json.loads(line, parse_int=_whole)))
    return item


def _whole(digits: str) -> float:
    return int(digits) if len(digits) < sys.int_info.default_max_str_digits else math.inf
