"""The keys that a correction may write: those of Swagger 2.0, and extensions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from .pin import METHODS

NAMED = {
    *("allOf", "definitions", "headers", "parameters", "paths", "properties", "responses"),
    *("securityDefinitions", "x-one-of"),
}
"""The keys whose values hold things by their names, or in a list."""

DATA = {
    *("default", "enum", "example", "examples", "required", "security"),
    *("x-always", "x-apart", "x-changed", "x-created", "x-link", "x-lost", "x-reference"),
    *("x-whole-update", "x-window"),
}
"""The keys whose values are data, without keys of Swagger."""

OTHERS = {
    *("$ref", "additionalProperties", "allowEmptyValue", "basePath", "collectionFormat"),
    *("consumes", "contact", "deprecated", "description", "discriminator", "exclusiveMaximum"),
    *("exclusiveMinimum", "externalDocs", "format", "host", "in", "info", "items", "license"),
    *("maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength"),
    *("minProperties", "minimum", "multipleOf", "name", "operationId", "pattern", "produces"),
    *("readOnly", "schema", "schemes", "summary", "swagger", "tags", "title", "type"),
    *("uniqueItems", "version", "xml"),
    *("x-absent", "x-answer", "x-argument", "x-bare", "x-base", "x-dropped", "x-empty"),
    *("x-form", "x-nullable", "x-secret", "x-whole", "x-write"),
}

KNOWN = {*NAMED, *DATA, *OTHERS, *METHODS}
"""All keys; ``docs/correcting.md`` explains the extensions."""


def unknown(place: list[str], value: object) -> str | None:
    """Return a key that a change writes at a place and that has no meaning, if there is one."""
    above = place[-2] if len(place) > 1 else ""
    return next((one for one in _keys({place[-1]: value}, above) if one not in KNOWN), None)


def alike(key: str, known: Iterable[str]) -> str:
    """Return the known keys that are the most like another one, as text; empty if none is."""
    names = sorted(known)
    found = [one for one in names if one.startswith(key)]
    found += [one for one in get_close_matches(key, names) if one not in found]
    return " or ".join(map(repr, found[:3]))


def _keys(node: object, above: str) -> Iterator[str]:
    """Yield the keys in a value, which stands below another key, without names and data."""
    if above in DATA:
        return
    if isinstance(node, list):
        for one in node:
            yield from _keys(one, "")
    elif isinstance(node, dict):
        for key, value in node.items():
            if above in NAMED:
                yield from _keys(value, "")
            else:
                yield key
                yield from _keys(value, key)
