"""Parts of a Swagger: its operations, and the definitions that they refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from typing import Any
from urllib.parse import quote, unquote

from .pin import METHODS

Swagger = dict[str, Any]

READ, WRITE = " (read)", " (write)"
"""The endings of the names of two definitions of one model, if its bodies have their own."""

ENVELOPE = {
    "data": "array",
    "page": "integer",
    "page_size": "integer",
    "total": "integer",
    "next_page": "string",
    "previous_page": "string",
}
"""The fields that every page of a list has, and their types."""


def operations(document: Swagger) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the path, the method and the declaration of each operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def body_of(operation: Swagger) -> Swagger | None:
    """Return the schema of an operation's request body."""
    return next((one["schema"] for one in operation["parameters"] if one["in"] == "body"), None)


def answer_of(operation: Swagger) -> Swagger | None:
    """Return the schema of an operation's 2xx response."""
    responses = operation["responses"].items()
    return next((one["schema"] for s, one in responses if s[0] == "2" and "schema" in one), None)


def model_name(schema: Swagger) -> str | None:
    """Return the definition that a schema refers to, also if ``allOf`` wraps the reference."""
    (inner,) = schema["allOf"] if len(schema.get("allOf", [])) == 1 else [schema]
    return reference_name(inner)


def fields_of(name: str, definitions: Mapping[str, Any]) -> Swagger:
    """Return the own and inherited fields of a definition."""
    definition = definitions[name]
    fields: Swagger = {}
    for part in definition.get("allOf", []):
        parent = reference_name(part)
        fields |= fields_of(parent, definitions) if parent else part.get("properties", {})
    fields |= definition.get("properties", {})
    return fields


def items_of(schema: Swagger, definitions: Mapping[str, Any]) -> Swagger | None:
    """Return the schema of the items of a list or a page; None if it is neither."""
    name = model_name(schema)
    if name is not None:
        fields = fields_of(name, definitions)
        schema = fields["data"] if fields.keys() >= ENVELOPE.keys() else {}
    return schema["items"] if schema.get("type") == "array" else None


def shape(path: str) -> str:
    """Return a path without the names of its parameters."""
    return re.sub(r"\{.*?\}", "{}", path)


def base(name: str) -> str:
    """Return the name of a model: that of a definition, without what tells bodies from answers."""
    return name.removesuffix(READ).removesuffix(WRITE)


def is_alike(fields: Set[str], others: Set[str]) -> bool:
    """Return whether two models have half of their fields in common: one may be the other."""
    return 2 * len(fields & others) >= len(fields | others)


def references(node: Any, definitions: dict[str, Any]) -> list[str]:
    """Return the definitions that a part of a document refers to, directly or indirectly."""
    found: dict[str, None] = {}
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            waiting += node.values()
            name = reference_name(node)
            if name and name not in found:
                found[name] = None
                waiting.append(definitions[name])
    return list(found)


def reference_name(node: dict[str, Any]) -> str | None:
    """Return the name of the definition that a ``$ref`` refers to, percent-decoded."""
    reference = node.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/definitions/"):
        return None
    return unquote(reference.removeprefix("#/definitions/"))


def response_name(node: dict[str, Any]) -> str | None:
    """Return the name of the shared response that a ``$ref`` refers to."""
    reference = node.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/responses/"):
        return None
    return reference.removeprefix("#/responses/")


def reference(name: str) -> str:
    """Return the ``$ref`` of a definition."""
    return f"#/definitions/{quote(name)}"
