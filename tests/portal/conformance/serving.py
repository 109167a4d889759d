"""The lists and sort orders of a release, read from its own Swagger."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import httpx

from aiodatagouv import OPERATIONS, Client, Operation, Order

from ..portal import Portal, route_of

Sorting = Literal["sorted", "ignored", "refused"]
"""The effect of a sort order on a release: it sorts, ignores it, or answers 400."""


@cache
def swagger_at(url: str, version: int = 1) -> dict[str, Any]:
    """Return the Swagger of a version of the API, given the URL of version 1."""
    url = url.replace("/api/1/", f"/api/{version}/")
    swagger: dict[str, Any] = httpx.get(f"{url}swagger.json", timeout=60).raise_for_status().json()
    return swagger


def declared(portal: Portal, operation: Operation) -> dict[str, Any] | None:
    """Return an operation as the Swagger of a portal declares it, None if it is absent."""
    paths = swagger_at(portal.url, operation.version)["paths"]
    by_path = {route_of(path): item for path, item in paths.items()}
    found: dict[str, Any] | None = by_path.get(route_of(operation.path), {}).get("get")
    return found


def is_page(portal: Portal, operation: dict[str, Any], version: int) -> bool:
    schema = operation["responses"]["200"].get("schema", {})
    # Version 2 declares one page as a list of pages.
    name = schema.get("items", schema).get("$ref", "").rpartition("/")[2]
    definitions = swagger_at(portal.url, version)["definitions"]
    return "next_page" in definitions.get(name, {}).get("properties", {})


def lists(portal: Portal) -> Iterator[tuple[Operation, dict[str, Any]]]:
    """Yield the lists in pages that a portal serves, with their declarations."""
    for operation in OPERATIONS.values():
        found = declared(portal, operation) if operation.kind == "page" else None
        if found is not None and is_page(portal, found, operation.version):
            yield operation, found


def sorting(operation: dict[str, Any], order: Order) -> Sorting:
    """Return what a portal is expected to do with a sort order."""
    parameters = [one for one in operation.get("parameters", []) if one["name"] == "sort"]
    if not parameters:
        return "ignored"
    return "sorted" if order.sort in parameters[0].get("enum", [order.sort]) else "refused"


def listed(
    portal: Portal, client: Client, operation: Operation, **more: Any
) -> tuple[Any, dict[str, Any]]:
    """Return the paginator of a list, and the query that it has."""
    path, query = portal.parameters(operation)
    query |= more
    return operation.function(client, *path, **query), query
