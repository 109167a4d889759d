"""Merges the pinned releases: the newest as it is, and what only older ones still serve."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import unquote

from .pin import METHODS, Release

Swagger = dict[str, Any]


def merge(pins: list[tuple[Release, Swagger]]) -> Swagger:
    """One Swagger with every operation of every release.

    Each operation says in ``x-releases`` which releases serve it. One that the newest does not is
    marked deprecated, with the oldest pinned release that lacks it in ``x-dropped``. A model has
    the fields of all releases: what an older one has more is added, with a word of that.
    """
    documents = [(release.release, _with_own_parameters(document)) for release, document in pins]
    merged = deepcopy(documents[0][1])
    tags = {tag["name"]: tag for _, document in reversed(documents) for tag in document["tags"]}
    merged["tags"] = [tags[name] for name in sorted(tags)]
    taken: dict[tuple[str, str], dict[str, Any]] = {}
    for index, (release, document) in enumerate(documents):
        shared: list[tuple[Swagger, Swagger]] = []
        for path, method, operation in _operations(merged if index == 0 else document):
            # Releases give the parameters of one path different names.
            key = (method, re.sub(r"\{.*?\}", "{}", path))
            if key in taken:
                taken[key]["x-releases"].append(release)
                shared.append((taken[key], operation))
                continue
            taken[key] = operation
            operation["x-releases"] = [release]
            if index == 0:
                continue
            operation |= {"deprecated": True, "x-dropped": documents[index - 1][0]}
            merged["paths"].setdefault(path, {})[method] = operation
            for name in references(operation, document["definitions"]):
                merged["definitions"].setdefault(name, document["definitions"][name])
        fields = _OlderFields(documents[0], merged["definitions"], document["definitions"])
        for newer, older in shared:
            fields.keep_answered(newer, older)
        for newer, older in shared:
            fields.keep_taken(newer, older)
    return merged


class _OlderFields:
    """Adds to definitions the fields that only an older release has.

    Releases call one model by different names, so that two definitions are the same model where
    the same operation has them at the same place.
    """

    def __init__(
        self, newest: tuple[str, Swagger], newer: dict[str, Any], older: dict[str, Any]
    ) -> None:
        self._newest, self._original = newest[0], newest[1]["definitions"]
        self._newer = newer
        self._older = older
        self._seen: set[tuple[str | None, str | None, bool]] = set()

    def keep_answered(self, newer: Swagger, older: Swagger) -> None:
        """Add the fields of what an operation answered."""
        self._keep(_answer(newer), _answer(older), None)

    def keep_taken(self, newer: Swagger, older: Swagger) -> None:
        """Add the fields of what an operation took.

        Older releases take and answer one model: what the newest only answers is not added.
        """
        self._keep(_body(newer), _body(older), _answer(newer) or {})

    def _keep(self, newer: Swagger | None, older: Swagger | None, answered: Swagger | None) -> None:
        """Add the fields of one schema; ``answered`` is what is answered at a body's place."""
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
        note = f"Only of portals older than udata {self._newest}."
        field = {key: schema | {"description": f"{said}. {note}" if said else note}}
        definition = self._newer[name]
        if "allOf" in definition:
            definition["allOf"] = [*definition["allOf"], {"properties": field}]
        else:
            definition["properties"] = definition["properties"] | field
        for reached in references(schema, self._older):
            self._newer.setdefault(reached, self._older[reached])


def _body(operation: Swagger) -> Swagger | None:
    """What an operation takes."""
    return next((one["schema"] for one in operation["parameters"] if one["in"] == "body"), None)


def _answer(operation: Swagger) -> Swagger | None:
    """What an operation answers."""
    responses = operation["responses"].items()
    return next((one["schema"] for s, one in responses if s[0] == "2" and "schema" in one), None)


def _model_name(schema: Swagger) -> str | None:
    """The definition that a schema is, perhaps wrapped to describe it."""
    (inner,) = schema["allOf"] if len(schema.get("allOf", [])) == 1 else [schema]
    return reference_name(inner)


def _fields(name: str, definitions: dict[str, Any]) -> Swagger:
    """The fields of a definition, its own and those that it inherits."""
    definition = definitions[name]
    fields: Swagger = {}
    for part in definition.get("allOf", []):
        parent = reference_name(part)
        fields |= _fields(parent, definitions) if parent else part.get("properties", {})
    fields |= definition.get("properties", {})
    return fields


def _with_own_parameters(document: Swagger) -> Swagger:
    """Copy what a path says of the parameters of all its operations into each of them."""
    document = deepcopy(document)
    for item in document["paths"].values():
        shared = item.pop("parameters", [])
        for method in METHODS:
            if method in item:
                item[method]["parameters"] = deepcopy(shared) + item[method].get("parameters", [])
    return document


def _operations(document: Swagger) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def references(node: Any, definitions: dict[str, Any]) -> list[str]:
    """The definitions that a part of a document leads to, directly or not."""
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
    """The name of the definition that a ``$ref`` leads to; udata percent-encodes it."""
    reference = node.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/definitions/"):
        return None
    return unquote(reference.removeprefix("#/definitions/"))
