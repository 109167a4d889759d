"""Combine the documents of a release, one for each version of its API, into one Swagger.

:mod:`.versions` has the names of API v2 in it. A definition that both versions have is one.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import groupby
from typing import Any

from . import document
from .bodies import references_in
from .canonical import canonical
from .document import DocumentError
from .pin import Release
from .schemas import Swagger, operations, reference, reference_name, response_name
from .versions import DEFINITION, MARK, PATH, is_reserved, is_second

Pins = list[tuple[Release, dict[str, Any]]]

SHARED = ("consumes", "produces", "securityDefinitions")
"""The keys of a document that hold for both versions."""


def by_release(pins: Pins) -> Pins:
    """Return one canonical Swagger for each release, with the entry of its API v1.

    Args:
        pins: The pinned documents, those of a release one after the other, API v1 first.

    Raises:
        DocumentError: A document has not the shape that this relies on.
    """
    for entry, swagger in pins:
        try:
            document.check(swagger, merged=False)
            _check_names(swagger)
        except DocumentError as error:
            raise DocumentError(f"{entry.file} {error}") from None
    combined: Pins = []
    for _, each in groupby(pins, key=lambda pair: pair[0].release):
        (entry, first), *others = each
        swagger = canonical(first)
        for _, other in others:
            swagger = combine(swagger, canonical(other))
        combined.append((entry, swagger))
    return combined


def combine(first: Swagger, second: Swagger) -> Swagger:
    """Return the Swagger of both versions of an API, given that of v1 and that of v2."""
    combined, second = deepcopy(first), deepcopy(second)
    for key in SHARED:
        if second.get(key, first.get(key)) != first.get(key):
            raise DocumentError(f"#/{key}: differs from that of API v1")
    shared = _shared(first["definitions"], second["definitions"])
    responses = combined.setdefault("responses", {})
    apart = {
        name
        for name, response in second.get("responses", {}).items()
        if responses.get(name, response) != response
    }
    for name, response in second.get("responses", {}).items():
        responses[f"{DEFINITION}{name}" if name in apart else name] = response

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(one) for one in node]
        if not isinstance(node, dict):
            return node
        moved = {key: renamed(one) for key, one in node.items()}
        name, response = reference_name(node), response_name(node)
        if name is not None and name not in shared:
            moved["$ref"] = reference(DEFINITION + name)
        elif response in apart:
            moved["$ref"] = f"#/responses/{DEFINITION}{response}"
        return moved

    for name, definition in second["definitions"].items():
        if name not in shared:
            combined["definitions"][DEFINITION + name] = renamed(definition)
    for _, _, operation in operations(second):
        _mark(operation, second)
    for path, item in second["paths"].items():
        combined["paths"][PATH + path] = renamed(item)
    combined["tags"] += [{**tag, "name": MARK + tag["name"]} for tag in second["tags"]]
    return combined


def _check_names(swagger: Swagger) -> None:
    """Refuse names that those of API v2 have in the combined Swagger.

    Raises:
        DocumentError: The document has one.
    """
    named: list[tuple[tuple[str, ...], object]] = [
        (("definitions", name), name) for name in swagger["definitions"]
    ]
    named += [
        (("paths", path, method), one.get("operationId", ""))
        for path, method, one in operations(swagger)
    ]
    reserved = [place for place, name in named if isinstance(name, str) and is_reserved(name)]
    reserved += [("tags", tag["name"]) for tag in swagger["tags"] if is_second(tag["name"])]
    reserved += [("paths", path) for path in swagger["paths"] if path.startswith(f"{PATH}/")]
    for place in reserved:
        raise DocumentError(f"{document.pointer(place)}: is named as those of API v2 are")


def _mark(operation: Swagger, document: Swagger) -> None:
    operation["tags"] = [MARK + one for one in operation.get("tags", [])]
    operation.setdefault("security", document.get("security", []))
    if isinstance(operation.get("operationId"), str):
        operation["operationId"] = MARK + operation["operationId"]


def _shared(first: dict[str, Any], second: dict[str, Any]) -> set[str]:
    """Return the definitions that are the same thing in both versions.

    Their fields are, inherited ones left out or not: the Swagger of v2 declares what inherits from
    another definition without what it inherits.
    """
    alike = {
        name
        for name in first.keys() & second.keys()
        if _plain(second[name]) in (_plain(first[name]), _own(first[name]))
    }
    # What refers to a definition that differs, differs.
    while found := {name for name in alike if {*references_in(second[name])} - alike}:
        alike -= found
    return alike


def _plain(node: Any) -> Any:
    """Return a part of a document without what does not tell what it is."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _plain(one)
        for key, one in node.items()
        if key != "x-mask" and not (key == "description" and isinstance(one, str))
    }


def _own(definition: Swagger) -> Any:
    """Return a definition that inherits as if it did not."""
    parts = [one for one in definition.get("allOf", []) if reference_name(one) is None]
    return _plain(parts[0]) if len(parts) == 1 else None
