"""Gives what is sent definitions of its own: ``Dataset`` is answered, ``Dataset (write)`` sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .releases import reference_name

Schema = dict[str, Any]


def split(definitions: dict[str, Schema], operations: dict[Any, Any]) -> None:
    """Give what is sent definitions of its own, with just the fields that the server takes.

    What is both answered and sent is two definitions: ``Dataset`` and ``Dataset (write)``. Where
    the API has the second one already, that is the one that is sent.
    """
    read = reachable([one for each in operations.values() for one in answers_of(each)], definitions)
    twins: dict[str, str] = {}

    def twin_of(name: str) -> str:
        """The name of the definition that is sent in the place of one."""
        if name in twins:
            return twins[name]
        twin = f"{name.removesuffix(' (read)')} (write)" if name in read else name
        if twin in twins:  # Converted already, by its own name.
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
"""The keys of a field that hold for answers and bodies alike, whatever its types there."""

ANSWERED = ("readOnly", "x-absent", "x-nullable", "x-write")
"""The keys of a field that hold for answers alone."""


def _sent(schema: Schema, twin_of: Callable[[str], str]) -> Schema:
    """A schema of what is answered as one of what is sent.

    ``x-write`` is the schema that is sent instead; ``x-reference`` names the objects that a field
    refers to, of which the id is sent unless ``x-write`` says more.
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
        schema["$ref"] = f"#/definitions/{twin_of(name)}"
    if "items" in schema:
        schema["items"] = _sent(schema["items"], twin_of)
    for several in ("allOf", "x-one-of"):
        if several in schema:
            schema[several] = [_sent(one, twin_of) for one in schema[several]]
    return schema


def reachable(roots: list[Schema], definitions: dict[str, Schema]) -> set[str]:
    """The definitions that schemas lead to."""
    found: set[str] = set()
    waiting = [name for root in roots for name in _references(root)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(definitions[name])
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        name = reference_name(node)
        if name is not None:
            yield name
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def bodies_of(operation: dict[str, Any]) -> list[Schema]:
    """The schema of the body of an operation, if it has one."""
    return [
        {"description": one["description"], **one["schema"]}
        if "description" in one
        else one["schema"]
        for one in operation["parameters"]
        if one["in"] == "body"
    ]


def answers_of(operation: dict[str, Any]) -> list[Schema]:
    """The schemas of its answers that are no errors."""
    responses = operation["responses"].items()
    return [one["schema"] for status, one in responses if status[0] == "2" and "schema" in one]
