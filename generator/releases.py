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
    marked deprecated, with the oldest pinned release that lacks it in ``x-dropped``.
    """
    documents = [(release.release, _with_own_parameters(document)) for release, document in pins]
    merged = deepcopy(documents[0][1])
    tags = {tag["name"]: tag for _, document in reversed(documents) for tag in document["tags"]}
    merged["tags"] = [tags[name] for name in sorted(tags)]
    taken: dict[tuple[str, str], dict[str, Any]] = {}
    for index, (release, document) in enumerate(documents):
        for path, method, operation in _operations(merged if index == 0 else document):
            # Releases give the parameters of one path different names.
            key = (method, re.sub(r"\{.*?\}", "{}", path))
            if key in taken:
                taken[key]["x-releases"].append(release)
                continue
            taken[key] = operation
            operation["x-releases"] = [release]
            if index == 0:
                continue
            operation |= {"deprecated": True, "x-dropped": documents[index - 1][0]}
            merged["paths"].setdefault(path, {})[method] = operation
            for name in _references(operation, document["definitions"]):
                merged["definitions"].setdefault(name, document["definitions"][name])
    return merged


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


def _references(node: Any, definitions: dict[str, Any]) -> list[str]:
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
