"""Find what a Swagger may declare, but a generated function can neither send nor read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .pin import METHODS

Node = dict[str, Any]
Problems = Iterator[tuple[tuple[Any, ...], str]]
"""Places, each with the reason why nothing can be generated from it."""

JSON, FORM = "application/json", "multipart/form-data"

KEY = {"type": "apiKey", "in": "header", "name": "X-API-KEY"}
"""The declaration of the API key, as the client sends it."""


def problems(document: Node) -> Problems:
    """Yield the problems of a merged and corrected document, whose shape was checked."""
    for key in ("consumes", "produces"):
        types = document.get(key, [JSON])
        if not isinstance(types, list) or JSON not in types:
            yield (key,), f"must have {JSON}, which the client sends and asks for"
    if document.get("securityDefinitions") and not _key_names(document):
        yield ("securityDefinitions",), f"has no API key in the header {KEY['name']}"
    for name, definition in document["definitions"].items():
        for index, part in enumerate([definition, *definition.get("allOf", [])]):
            if part.get("type", "object") != "object":
                below = ("allOf", index - 1) if index else ()
                yield ("definitions", name, *below, "type"), "must be object, as of all definitions"
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                place = ("paths", path, method)
                for index, one in enumerate(operation["parameters"]):
                    yield from _parameter(one, (*place, "parameters", index))
                yield from _body(operation, place)
                yield from _answers(operation, (*place, "responses"))
                yield from _security(operation, document, place)


def needs_key(operation: Node) -> bool:
    """Return whether an operation of a merged document refuses calls without the API key."""
    ways: list[Node] = operation["security"]  # Any of them will do.
    return bool(ways) and all(ways)


def declares_key(document: Node) -> bool:
    """Return whether a document declares the API key."""
    return bool(_key_names(document))


def _key_names(document: Node) -> set[str]:
    declared = document.get("securityDefinitions")
    schemes = declared.items() if isinstance(declared, dict) else ()
    return {name for name, one in schemes if isinstance(one, dict) and KEY.items() <= one.items()}


def _parameter(one: Node, place: tuple[Any, ...]) -> Problems:
    kind = one.get("type")
    if one["in"] == "header" and one.get("required"):
        yield place, f"is a required header, {one['name']!r:.80}, which no function can send"
    if one["in"] not in ("path", "query", "formData"):
        return
    if kind == "object" or (kind == "array" and one["in"] != "query"):
        yield (*place, "type"), f"is {kind}, which no function can send there"
    if kind == "array" and one["in"] == "query":
        if one.get("collectionFormat") != "multi":
            yield place, "must have the collectionFormat multi: the client repeats the parameter"
        if one["items"].get("type") in ("array", "object"):
            yield (*place, "items"), "is a list in a query, whose items no function can send"


def _body(operation: Node, place: tuple[Any, ...]) -> Problems:
    sources = {one["in"] for one in operation["parameters"]}
    for source, media_type in (("body", JSON), ("formData", FORM)):
        taken: list[str] = operation.get("consumes", [media_type])
        if source in sources and media_type not in taken:
            yield (*place, "consumes"), f"must have {media_type}, which the client sends"


def _answers(operation: Node, place: tuple[Any, ...]) -> Problems:
    successes = {
        status: one["schema"]
        for status, one in operation["responses"].items()
        if status[0] == "2" and "schema" in one
    }
    first, *others = [*successes] or [""]
    for status in others:
        if successes[status] != successes[first]:
            yield (*place, status, "schema"), f"differs from that of the status {first}"


def _security(operation: Node, document: Node, place: tuple[Any, ...]) -> Problems:
    where, ways = (*place, "security"), operation["security"]
    if not isinstance(ways, list) or not all(isinstance(one, dict) for one in ways):
        yield where, "must be a list of objects"
    elif ways and not any(one.keys() <= _key_names(document) for one in ways):
        yield where, f"asks for more than the API key in the header {KEY['name']}"
