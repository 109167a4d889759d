"""Separate request definitions, such as ``Dataset (write)``, from response definitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .schemas import reference, reference_name

Schema = dict[str, Any]


def split(definitions: dict[str, Schema], operations: dict[Any, Any]) -> None:
    """Give request bodies definitions of their own, with only the fields that the server accepts.

    A definition that is used in both responses and requests is split in two: ``Dataset`` for
    responses and ``Dataset (write)`` for requests. If the API already has a ``(write)``
    definition, that one is used for requests.
    """
    read = reachable([one for each in operations.values() for one in answers_of(each)], definitions)
    twins: dict[str, str] = {}

    def twin_of(name: str) -> str:
        """Return the name of the request definition for a definition."""
        if name in twins:
            return twins[name]
        twin = f"{name.removesuffix(' (read)')} (write)" if name in read else name
        if twin in twins:  # Already converted under its own name.
            twins[name] = twin
            return twin
        twins[name] = twins[twin] = twin
        definition = definitions.get(twin, definitions[name])
        definitions[twin] = definition | {
            "properties": {
                key: _sent(schema, twin_of)
                for key, schema in definition["properties"].items()
                if not schema.get("readOnly") or "x-write" in schema
            },
            "x-sent": True,
        }
        sent = definitions[twin]
        sent["required"] = [key for key in definition["required"] if key in sent["properties"]]
        return twin

    for operation in operations.values():
        for parameter in operation["parameters"]:
            if parameter["in"] == "body":
                parameter["schema"] = _sent(parameter["schema"], twin_of)


KEPT = ("description", "x-reference", "x-secret", "x-bare", "x-apart")
"""The schema keys of a field that apply to both responses and request bodies."""

ANSWERED = ("readOnly", "x-absent", "x-nullable", "x-write")
"""The schema keys of a field that apply to responses only."""


def _sent(schema: Schema, twin_of: Callable[[str], str]) -> Schema:
    """Convert a response schema to a request schema.

    ``x-write`` replaces the schema in requests. ``x-reference`` names the kinds of objects that a
    field refers to; such a field is sent as an id unless ``x-write`` is given too.
    """
    kept = {key: schema[key] for key in KEPT if key in schema}
    if "x-write" in schema:
        schema = {**kept, **schema["x-write"]}
    elif "x-reference" in schema:
        text = {"type": "string"}
        is_list = schema.get("type") == "array"
        return kept | ({"type": "array", "items": text} if is_list else text)
    else:
        schema = {key: value for key, value in schema.items() if key not in ANSWERED}
    name = reference_name(schema)
    if name is not None:
        schema["$ref"] = reference(twin_of(name))
    if "items" in schema:
        schema["items"] = _sent(schema["items"], twin_of)
    for several in ("allOf", "x-one-of"):
        if several in schema:
            schema[several] = [_sent(one, twin_of) for one in schema[several]]
    return schema


def reachable(roots: list[Schema], definitions: dict[str, Schema]) -> set[str]:
    """Return the names of the definitions that schemas refer to, directly or indirectly."""
    found: set[str] = set()
    waiting = [name for root in roots for name in references_in(root)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references_in(definitions[name])
    return found


def references_in(node: Any) -> Iterator[str]:
    """Yield the definitions that a part of a document names directly."""
    if isinstance(node, dict):
        name = reference_name(node)
        if name is not None:
            yield name
        for value in node.values():
            yield from references_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from references_in(value)


def bodies_of(operation: dict[str, Any]) -> list[Schema]:
    """Return the schema of an operation's request body in a list, which is empty without one."""
    return [
        {"description": one["description"], **one["schema"]}
        if "description" in one
        else one["schema"]
        for one in operation["parameters"]
        if one["in"] == "body"
    ]


def answers_of(operation: dict[str, Any]) -> list[Schema]:
    """Return the schemas of an operation's 2xx responses, that of a header's last."""
    responses = operation["responses"].items()
    return [
        *(one["schema"] for status, one in responses if status[0] == "2" and "schema" in one),
        *(one["x-answer"] for one in operation["parameters"] if "x-answer" in one),
    ]
