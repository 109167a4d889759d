"""Merge the pinned releases: add to the newest one what only older ones serve."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Set
from copy import deepcopy
from typing import Any
from urllib.parse import quote, unquote

from .names import python_name
from .pin import METHODS, Release

Swagger = dict[str, Any]


def merge(pins: list[tuple[Release, Swagger]]) -> Swagger:
    """Return one Swagger with the operations of all releases.

    ``x-releases`` lists the releases that serve an operation. An operation that the newest release
    does not serve is marked deprecated, and ``x-dropped`` is the oldest pinned release without it.
    One that a newer release serves at another address is left out: only one can have its name.
    A model has the fields of all releases; the description of a field that only older releases
    have says so, and names the oldest pinned release without it.
    """
    documents = [(release.release, _with_own_parts(document)) for release, document in pins]
    merged = deepcopy(documents[0][1])
    tags = {tag["name"]: tag for _, document in reversed(documents) for tag in document["tags"]}
    merged["tags"] = [tags[name] for name in sorted(tags)]
    taken: dict[tuple[str, str], dict[str, Any]] = {}
    named: set[str] = set()
    for index, (release, document) in enumerate(documents):
        shared: list[tuple[Swagger, Swagger]] = []
        for path, method, operation in _operations(merged if index == 0 else document):
            # The names of path parameters differ between releases.
            key = (method, shape(path))
            if key in taken:
                taken[key]["x-releases"].append(release)
                shared.append((taken[key], operation))
                continue
            name = python_name(str(operation.get("operationId")))
            if index and name in named:
                continue
            named.add(name)
            taken[key] = operation
            operation["x-releases"] = [release]
            if index == 0:
                continue
            operation |= {"deprecated": True, "x-dropped": documents[index - 1][0]}
            merged["paths"].setdefault(path, {})[method] = operation
            for name in references(operation, document["definitions"]):
                merged["definitions"].setdefault(name, document["definitions"][name])
        if index == 0:
            continue
        fields = _OlderFields(
            documents[index - 1][0],
            ChainMap(*(one["definitions"] for _, one in documents[:index])),
            merged["definitions"],
            document["definitions"],
        )
        for newer, older in shared:
            fields.keep_answered(newer, older)
        for newer, older in shared:
            fields.keep_taken(newer, older)
    return merged


class _OlderFields:
    """Adds the fields that only an older release has to the merged definitions.

    The name of a model can differ between releases. Two definitions are taken for the same model
    if the same operation uses them at the same place.
    """

    def __init__(
        self,
        without: str,
        original: Mapping[str, Any],
        newer: dict[str, Any],
        older: dict[str, Any],
    ) -> None:
        self._without, self._original = without, original
        self._newer = newer
        self._older = older
        self._seen: set[tuple[str | None, str | None, bool]] = set()

    def keep_answered(self, newer: Swagger, older: Swagger) -> None:
        """Add the fields of the response of an older release's operation."""
        self._keep(_answer(newer), _answer(older), None)

    def keep_taken(self, newer: Swagger, older: Swagger) -> None:
        """Add the fields of the request body of an older release's operation.

        Older releases use one model for requests and responses. Fields that the newest release
        has in its response only are not added to the request.
        """
        self._keep(_body(newer), _body(older), _answer(newer) or {})

    def _keep(self, newer: Swagger | None, older: Swagger | None, answered: Swagger | None) -> None:
        """Add the fields of one schema.

        For a request body, ``answered`` is the corresponding response schema; otherwise None.
        """
        if newer is None or older is None:
            return
        if newer.get("type") == older.get("type") == "array":
            inside = answered and answered.get("items", {})
            self._keep(newer["items"], older["items"], inside)
        name, other = _model_name(newer), _model_name(older)
        pair = (name, other, answered is None)
        if name is None or other is None or pair in self._seen:
            return
        self._seen.add(pair)
        known = _fields(name, self._newer)
        shown = _model_name(answered) if answered else None
        left_out = _fields(shown, self._original) if shown else {}
        for key, schema in _fields(other, self._older).items():
            if key in known:
                below = None if answered is None else left_out.get(key, {})
                self._keep(known[key], schema, below)
            elif key not in left_out and not (answered is not None and schema.get("readOnly")):
                self._add(name, key, schema)

    def _add(self, name: str, key: str, schema: Swagger) -> None:
        said = schema.get("description", "").strip().rstrip(".")
        note = f"Only of portals older than udata {self._without}."
        field = {key: schema | {"description": f"{said}. {note}" if said else note}}
        definition = self._newer[name]
        if "allOf" in definition:
            definition["allOf"] = [*definition["allOf"], {"properties": field}]
        else:
            definition["properties"] = definition.get("properties", {}) | field
        for reached in references(schema, self._older):
            self._newer.setdefault(reached, self._older[reached])


def _body(operation: Swagger) -> Swagger | None:
    """Return the schema of an operation's request body."""
    return next((one["schema"] for one in operation["parameters"] if one["in"] == "body"), None)


def _answer(operation: Swagger) -> Swagger | None:
    """Return the schema of an operation's 2xx response."""
    responses = operation["responses"].items()
    return next((one["schema"] for s, one in responses if s[0] == "2" and "schema" in one), None)


def _model_name(schema: Swagger) -> str | None:
    """Return the definition that a schema refers to, also if ``allOf`` wraps the reference."""
    (inner,) = schema["allOf"] if len(schema.get("allOf", [])) == 1 else [schema]
    return reference_name(inner)


def _fields(name: str, definitions: Mapping[str, Any]) -> Swagger:
    """Return the own and inherited fields of a definition."""
    definition = definitions[name]
    fields: Swagger = {}
    for part in definition.get("allOf", []):
        parent = reference_name(part)
        fields |= _fields(parent, definitions) if parent else part.get("properties", {})
    fields |= definition.get("properties", {})
    return fields


def _with_own_parts(document: Swagger) -> Swagger:
    """Copy what a path or a document declares for its operations into each of them."""
    document = deepcopy(document)
    for item in document["paths"].values():
        shared = item.pop("parameters", [])
        for method in METHODS:
            if method in item:
                item[method]["parameters"] = deepcopy(shared) + item[method].get("parameters", [])
                item[method].setdefault("security", deepcopy(document.get("security", [])))
    return document


def _operations(document: Swagger) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def shape(path: str) -> str:
    """Return a path without the names of its parameters."""
    return re.sub(r"\{.*?\}", "{}", path)


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


def reference(name: str) -> str:
    """Return the ``$ref`` of a definition."""
    return f"#/definitions/{quote(name)}"
