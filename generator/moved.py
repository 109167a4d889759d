"""Corrections of operations and definitions that a new release has at another place."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

from . import corrections
from .adapt import apply_possible
from .canonical import canonical
from .corrections import NO_EFFECT, Correction, CorrectionError
from .pin import METHODS
from .schemas import Swagger, is_alike

Place = tuple[str, ...]

Places = Mapping[str, list[list[str]]]
"""Corrections by their names, and places of each."""


def moved(fixes: list[Correction], old: Swagger, new: Swagger) -> Places:
    """Return the corrections that need other places as well, and these places.

    An operation has moved if its id has another address, a definition if one of another name has
    half of its fields or more.

    Args:
        fixes: The entries of ``openapi/corrections.toml``.
        old: The newest document before.
        new: The new one.
    """
    old, new = canonical(old), canonical(new)
    before = {(one.name, *one.place) for one in apply_possible(old, fixes).unapplied}
    lost = {
        (one.name, *one.place)
        for one in apply_possible(new, fixes).unapplied
        if one.problem != NO_EFFECT and (one.name, *one.place) not in before
    }
    operations, definitions = _operations(old, new), _definitions(old, new)
    found: dict[str, list[list[str]]] = {}
    for fix in fixes:
        places = [
            [*there]
            for place in fix.places
            if (fix.name, *place) in lost
            and (there := _moved((*place,), operations, definitions))
            and _fits(fix, there, new)
        ]
        if places:
            found[fix.name] = places
    return found


def _moved(
    place: Place, operations: dict[Place, Place], definitions: dict[str, str]
) -> Place | None:
    """Return where the subject of a place is now; None if it is not known."""
    if place[0] == "paths" and place[1:3] in operations:
        return ("paths", *operations[place[1:3]], *place[3:])
    if place[0] == "definitions" and place[1] in definitions:
        return ("definitions", definitions[place[1]], *place[2:])
    return None


def _fits(fix: Correction, place: Place, document: Swagger) -> bool:
    try:
        corrections.change(deepcopy(document), fix, [*place])
    except CorrectionError:
        return False
    return True


def _operations(old: Swagger, new: Swagger) -> dict[Place, Place]:
    """Return the addresses of operations in both documents, where they differ."""
    there = {id_: address for address, id_ in _ids(new).items()}
    return {
        address: there[id_]
        for address, id_ in _ids(old).items()
        if there.get(id_, address) != address
    }


def _ids(document: Swagger) -> dict[Place, str | None]:
    return {
        (path, method): item[method].get("operationId")
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }


def _definitions(old: Swagger, new: Swagger) -> dict[str, str]:
    """Return the definitions whose names differ, and their new names."""
    left, right = old["definitions"], new["definitions"]
    come = {name: {*right[name].get("properties", {})} for name in right.keys() - left.keys()}
    pairs: dict[str, str] = {}
    for name in sorted(left.keys() - right.keys()):
        fields = {*left[name].get("properties", {})}
        like = [one for one, own in come.items() if fields and is_alike(fields, own)]
        if len(like) == 1:
            pairs[name] = like[0]
    return pairs
