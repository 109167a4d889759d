"""A part of a Swagger, without what the declarations do not depend on."""

from __future__ import annotations

import json
from typing import Any

from ..schemas import reference_name

TELLS_NOTHING = {"description", "example", "summary"}
"""Keys of a Swagger that say nothing about its values."""


def text(value: Any) -> str:
    """Return a value as JSON, such that equal texts mean the same."""
    return json.dumps(meaning(value), ensure_ascii=False)


def meaning(value: Any, *, is_named: bool = False) -> Any:
    """Return a value without what the declarations do not depend on, such as its order.

    Args:
        value: A part of a document.
        is_named: Whether its keys are names, of fields for example, instead of those of Swagger.
    """
    if isinstance(value, dict):
        name = reference_name(value)
        if name is not None:
            return {"$ref": name.removesuffix(" (read)")}
        kept = value.keys() if is_named else value.keys() - TELLS_NOTHING
        return {key: meaning(value[key], is_named=key == "properties") for key in sorted(kept)}
    if isinstance(value, list):
        return sorted(map(meaning, value), key=json.dumps)
    return value
