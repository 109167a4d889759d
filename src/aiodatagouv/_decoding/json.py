"""From the bytes of a JSON answer to the type that its operation declares."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ..errors import NotJSONError
from ..types import Mask
from .place import Origin
from .readers import reader_of


def decode(operation: str, content: bytes, type_: Any, mask: Mask | None = None) -> Any:
    """Decode the body of an answer into a model, a list of models, or plain JSON.

    Raises:
        DecodeError: It is not JSON, or of another type.
    """
    return reader_of(type_)(parse(operation, content), Origin(operation, mask))


def parse(operation: str, content: bytes) -> Any:
    """Parse an answer as plain JSON.

    Raises:
        NotJSONError: It is not JSON.
    """
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = error
    try:
        # Extras may contain NaN, Infinity and halves of surrogate pairs, which are not JSON.
        return json.loads(content)
    except (ValueError, RecursionError):
        found = repr(content[:80].decode(errors="replace")) if content else "an empty body"
        found += f" ({reason})" if content else ""
        raise NotJSONError(found, operation=operation, expected="JSON") from None
