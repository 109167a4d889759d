"""Limits of values that their types do not show: ranges, lengths, patterns, formats."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
Limits = dict[str, Any]

KEYS = (
    *("format", "pattern", "multipleOf", "uniqueItems", "allowEmptyValue"),
    *("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"),
    *("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"),
)

TYPED = ("date", "date-time")
"""The formats that have a Python type of their own."""


def limits_of(schema: Schema) -> Limits:
    """Return the limits of a schema, and those of its items with ``items.`` before their keys.

    An object that has properties but no name is a plain dict in Python: what is in it is one of
    its limits, ``properties``.
    """
    if len(schema.get("allOf", [])) == 1:
        (inner,) = schema["allOf"]
        return limits_of({**inner, **{key: schema[key] for key in schema if key != "allOf"}})
    kept = [key for key in KEYS if key in schema and schema[key] not in TYPED]
    if schema.get("type") == "object" and "$ref" not in schema and schema.get("properties"):
        kept.append("properties")
    found = {key: schema[key] for key in kept}
    if schema.get("type") == "array":
        found |= {f"items.{key}": value for key, value in limits_of(schema["items"]).items()}
    return found
