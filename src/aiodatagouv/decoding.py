"""From the bytes of a JSON answer to the type that its operation declares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from ._place import Origin
from ._readers import reader_of
from .errors import NotJSONError

if TYPE_CHECKING:
    from .masks import Mask


def decode(operation: str, content: bytes, type_: Any, mask: Mask | None = None) -> Any:
    """Decode an answer.

    Args:
        operation: The id of the operation, for errors.
        content: The answer's body.
        type_: A model, a list of models, or a type of plain JSON.
        mask: The fields of the answer that were asked for, None for all.

    Raises:
        DecodeError: It is not JSON, or of another type.
    """
    return reader_of(type_)(parse(operation, content), Origin(operation, mask))


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
