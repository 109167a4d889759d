"""Tests that compare the Swagger of each release with the package: the differences on paper."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import chain

from aiodatagouv import OPERATIONS

from ..portal import PINNED, PROJECT, Portal, path_of, route_of
from .differences import RETYPED
from .paper import Comparison, Swagger, served
from .sent import UNDECLARED
from .serving import swagger_at

VERSIONS = (1, 2)


def compared(document: Swagger, version: int) -> Comparison:
    """Compare all operations that a document and the package have."""
    comparison, there = Comparison(document), served(document, version)
    for operation in OPERATIONS.values():
        if (operation.method, route_of(path_of(operation))) in there:
            comparison.compare(operation)
    return comparison


def pinned(release: str, version: int) -> Swagger:
    end = "" if version == 1 else f"-v{version}"
    document: Swagger = json.loads(
        (PROJECT / "openapi" / f"udata-{release}{end}.json").read_bytes()
    )
    return document


@cache
def of_the_pins() -> tuple[set[str], set[str]]:
    """Return what the pins declare otherwise than the package, which the corrections explain."""
    pins = [compared(pinned(one, version), version) for one in PINNED for version in VERSIONS]
    retyped = set[str]().union(*(one.retyped for one in pins))
    return retyped, set[str]().union(*(one.undeclared for one in pins))


REFERENCES = {"ReuseReference"}
"""Models in whose place older releases declare a whole object, of which they send a reference."""


def owner(place: str) -> str:
    return place.partition(".")[0]


async def test_the_swagger_declares_what_the_package_does(
    release: str, own_portal: Portal, record_property: Callable[[str, object], None]
) -> None:
    documents = {version: swagger_at(own_portal.url, version) for version in VERSIONS}
    found = [compared(document, version) for version, document in documents.items()]
    retyped, undeclared = of_the_pins()
    known = {place for place, releases in RETYPED.items() if release in releases}
    assert set[str]().union(*(one.retyped for one in found)) - retyped == known
    own = {place for place, releases in UNDECLARED.items() if release in releases}
    more = set[str]().union(*(one.undeclared for one in found)) - undeclared - own
    assert {one for one in more if owner(one) not in REFERENCES} == set()
    record_property("paper", [release, sum(one.places for one in found)])
    record_property("ignored", [release, *sorted(chain(*(one.ignored for one in found)))])
    unsent = set[str]().union(*(one.unsent for one in found))
    record_property("unsent", [release, *sorted(unsent)])
    mine = {(one.method, route_of(path_of(one))) for one in OPERATIONS.values()}
    there = [served(document, version).keys() for version, document in documents.items()]
    beyond = set[tuple[str, str]]().union(*there) - mine
    record_property("beyond", [release, *sorted(" ".join(one) for one in beyond)])
