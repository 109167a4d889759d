"""The canonical form of a Swagger: without what depends on its host or differs from run to run."""

from __future__ import annotations

import json
from typing import Any

PLACE = ("basePath", "host", "schemes")
"""The keys that say where a portal is, and not what its API is."""

UNORDERED = frozenset({"enum", "required", "tags", "parameters"})
"""The keys of the lists whose order means nothing."""


def canonical(document: dict[str, Any]) -> dict[str, Any]:
    """Return the same API as any portal of that release describes it.

    The server writes some lists from sets, in another order in each process, and takes the first
    value of an enum as its example.
    """
    return {key: _sorted(key, value) for key, value in sorted(document.items()) if key not in PLACE}


def is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two documents describe the same API."""
    # As texts: for Python, 0 and False are equal.
    return json.dumps(canonical(one)) == json.dumps(canonical(other))


def _sorted(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        has_example = isinstance(value.get("enum"), list)
        return {
            name: _sorted(name, inside)
            for name, inside in sorted(value.items())
            if not (has_example and name == "example")
        }
    if not isinstance(value, list):
        return value
    inside = [_sorted("", one) for one in value]
    return sorted(inside, key=_order) if key in UNORDERED else inside


def _order(one: Any) -> tuple[str, str]:
    name = one.get("name", "") if isinstance(one, dict) else ""
    return str(name), json.dumps(one)
