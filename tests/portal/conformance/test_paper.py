"""Tests that compare the Swagger of each release with the package: the differences on paper."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

import httpx

from aiodatagouv import OPERATIONS

from ..portal import PINNED, PROJECT, Portal, route_of
from .differences import RETYPED
from .paper import Comparison, Swagger, served
from .sent import UNDECLARED


def compared(document: Swagger) -> Comparison:
    """Compare all operations that a document and the package have."""
    comparison, there = Comparison(document), served(document)
    for operation in OPERATIONS.values():
        if (operation.method, route_of(operation.path)) in there:
            comparison.compare(operation)
    return comparison


@cache
def of_the_pins() -> tuple[set[str], set[str]]:
    """Return what the pins declare otherwise than the package, which the corrections explain."""
    pins = [
        compared(json.loads((PROJECT / "openapi" / f"udata-{release}.json").read_bytes()))
        for release in PINNED
    ]
    retyped = set[str]().union(*(one.retyped for one in pins))
    return retyped, set[str]().union(*(one.undeclared for one in pins))


REFERENCES = {"ReuseReference"}
"""Models in whose place older releases declare a whole object, of which they send a reference."""


def owner(place: str) -> str:
    return place.partition(".")[0]


async def test_the_swagger_declares_what_the_package_does(
    release: str, own_portal: Portal, record_property: Callable[[str, object], None]
) -> None:
    document = httpx.get(f"{own_portal.url}swagger.json", timeout=60).raise_for_status().json()
    found = compared(document)
    retyped, undeclared = of_the_pins()
    known = {place for place, releases in RETYPED.items() if release in releases}
    assert found.retyped - retyped == known
    own = {place for place, releases in UNDECLARED.items() if release in releases}
    more = {one for one in found.undeclared - undeclared - own if owner(one) not in REFERENCES}
    assert more == set()
    record_property("paper", [release, found.places])
    record_property("ignored", [release, *sorted(found.ignored)])
    record_property("unsent", [release, *sorted(found.unsent)])
    mine = {(one.method, route_of(one.path)) for one in OPERATIONS.values()}
    beyond = served(document).keys() - mine
    record_property("beyond", [release, *sorted(" ".join(one) for one in beyond)])
