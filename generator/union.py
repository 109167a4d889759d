"""Unite the definitions of one release that are one model, as the server answers it twice."""

from __future__ import annotations

from typing import Any

from .bodies import Schema
from .names import class_name
from .schemas import is_alike, reference, reference_name


def unite(definitions: dict[str, Schema], operations: dict[Any, Any]) -> None:
    """Replace definitions that would become one class by one, if half of their fields are common.

    It has the fields of all. An answer may lack those that one of the definitions lacks.

    Args:
        definitions: The definitions, without inheritance.
        operations: The operations, whose references are changed.
    """
    united: dict[str, str] = {}
    classes: dict[str, str] = {}
    for name in sorted(definitions, key=lambda one: (len(one), one)):
        kept = classes.setdefault(class_name(name), name)
        one, other = definitions[kept], definitions[name]
        if kept != name and is_alike(one["properties"].keys(), other["properties"].keys()):
            definitions[kept] = _union(one, other)
            del definitions[name]
            united[name] = kept
    if united:
        _rename([definitions, operations], united)


def _union(one: Schema, other: Schema) -> Schema:
    fields, others = one["properties"], other["properties"]
    both = {
        key: schema if key in fields and key in others else {**schema, "x-absent": True}
        for key, schema in {**others, **fields}.items()
    }
    required = [key for key in one["required"] if key in other["required"]]
    return {**one, "properties": both, "required": required}


def _rename(node: Any, united: dict[str, str]) -> None:
    if isinstance(node, list):
        for one in node:
            _rename(one, united)
    elif isinstance(node, dict):
        name = reference_name(node)
        if name in united:
            node["$ref"] = reference(united[name])
        for one in node.values():
            _rename(one, united)
