"""Merge the pinned releases: add to the newest one what only older ones serve."""

from __future__ import annotations

import re
from collections import Counter
from copy import deepcopy
from itertools import pairwise
from typing import Any

from . import versions
from .definitions import OlderDefinitions, Pair
from .pin import METHODS, Release
from .schemas import Swagger, operations, shape

Key = tuple[str, str]
"""The method and the shape of the path of an operation: the names of its parameters may differ."""


def merge(pins: list[tuple[Release, Swagger]]) -> Swagger:
    """Return one Swagger with the operations of all releases.

    ``x-releases`` lists the releases that serve an operation. An operation that the newest release
    does not serve is marked deprecated, and ``x-dropped`` is the oldest pinned release without it.
    One that a newer release serves at another address is left out: only one can have its name.
    A model has the fields of all releases; the description of a field that only older releases
    have says so, and names the oldest pinned release without it.

    Args:
        pins: The releases and their documents, newest first.
    """
    documents = [(release.release, _with_own_parts(document)) for release, document in pins]
    merged = deepcopy(documents[0][1])
    tags = {tag["name"]: tag for _, document in reversed(documents) for tag in document["tags"]}
    merged["tags"] = [tags[name] for name in sorted(tags)]
    taken: dict[Key, dict[str, Any]] = {}
    for path, method, operation in operations(merged):
        operation["x-releases"] = [documents[0][0]]
        taken[method, shape(path)] = operation
    for _, document in documents[1:]:
        _name_apart(document)
    ids = _ids([document for _, document in documents])
    for (without, _), (release, document) in pairwise(documents):
        models = OlderDefinitions(release, without, merged["definitions"], document)
        shared: list[Pair] = []
        alone: list[tuple[str, str, Swagger]] = []
        for path, method, operation in operations(document):
            key = method, shape(path)
            if key in taken:
                taken[key]["x-releases"].append(release)
                shared.append((taken[key], operation))
            elif key in ids:
                alone.append((path, method, operation))
        models.compare(shared)
        for path, method, operation in alone:
            key = method, shape(path)
            adopted = models.adopt(operation) | {
                "operationId": ids[key],
                "deprecated": True,
                "x-dropped": without,
                "x-releases": [release],
            }
            merged["paths"].setdefault(path, {})[method] = taken[key] = adopted
            shared.append((adopted, operation))
        models.keep(shared)
        for name, response in document.get("responses", {}).items():
            if name not in merged.setdefault("responses", {}):
                merged["responses"][name] = models.refer(response)
    return merged


def _ids(documents: list[Swagger]) -> dict[Key, Any]:
    """Return the id of each operation: its newest one that is not that of a newer operation.

    An operation without one has moved: a newer release has it at another address.
    """
    ids: dict[Key, Any] = {}
    named: set[str] = set()
    for document in documents:
        for path, method, operation in operations(document):
            key, name = (method, shape(path)), _name(operation)
            if key not in ids and name not in named:
                ids[key] = operation.get("operationId")
                named.add(name)
    return ids


def _name_apart(document: Swagger) -> None:
    """Name the operations that share an id after their addresses."""
    count = Counter(_name(operation) for _, _, operation in operations(document))
    for path, method, operation in operations(document):
        if "operationId" in operation and count[_name(operation)] > 1:
            mark = versions.MARK if path.startswith(versions.PATH) else ""
            words = re.findall(r"\w+", versions.path_below(path))
            operation["operationId"] = mark + "_".join([method, *words])


def _name(operation: Swagger) -> str:
    return versions.python_name(str(operation.get("operationId")))


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
