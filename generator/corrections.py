"""Apply the corrections of openapi/corrections.toml to the Swagger."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from .errors import GenerationError
from .releases import reference, reference_name

MISSING = object()

NO_EFFECT = "no effect"
"""The problem of an entry whose place is already as it should be."""


class CorrectionError(GenerationError):
    """An entry of corrections.toml is malformed or no longer has an effect."""


@define(frozen=True)
class Correction:
    """One entry of corrections.toml: the same change at one or more places.

    Attributes:
        name: The name of the entry, used in error messages.
        places: The path of keys to each place, from the root of the Swagger. An element of a list
            is identified by the name of a parameter or by its index.
        change: ``set``, ``merge`` (into an object) or ``remove``.
        value: The value to set or to merge.
        reason: The error in the Swagger.
        evidence: The observed behaviour of the server, and how to reproduce it.
    """

    name: str
    places: list[list[str]]
    change: str
    value: Any
    reason: str
    evidence: str


def read(path: Path) -> list[Correction]:
    """Read a corrections file."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CorrectionError(f"{path.name}: {error}") from error
    entries = content.pop("correction", [])
    if content:
        raise CorrectionError(f"{path.name}: unknown keys {[*content]}; expected [[correction]]")
    return [_entry(entry) for entry in entries]


def apply(
    swagger: dict[str, Any], corrections: list[Correction], skipped: list[str] | None = None
) -> dict[str, Any]:
    """Return the corrected Swagger.

    Args:
        swagger: The Swagger.
        corrections: The corrections to apply.
        skipped: Where to add the places at which an entry has no effect; when None, that is an
            error.

    Raises:
        CorrectionError: An entry has no effect at one of its places, so it is out of date.
    """
    swagger = deepcopy(swagger)
    for correction in corrections:
        for place in correction.places:
            try:
                _change(swagger, correction, place)
            except CorrectionError as error:
                if skipped is None:
                    raise
                skipped.append(str(error).partition(";")[0])
    return swagger


@define(frozen=True)
class Unapplied:
    """A place of a correction that another release lacks, or where nothing is left to correct."""

    name: str
    place: list[str]
    problem: str


@define
class Applied:
    """A Swagger that was corrected where that is possible.

    Attributes:
        swagger: The corrected document.
        unapplied: The places at which it was not.
        overwritten: What stood at the other places: the name of the correction and its place ->
            the value that it replaced or removed, None for none.
    """

    swagger: dict[str, Any]
    unapplied: list[Unapplied] = field(factory=list)
    overwritten: dict[tuple[str, ...], Any] = field(factory=dict)


def apply_possible(swagger: dict[str, Any], corrections: list[Correction]) -> Applied:
    """Correct a Swagger of any release where that is possible.

    A definition that is separate for requests and responses in the pinned releases may be a single
    one in others, and the parameters of a path may have other names there.
    """
    swagger = deepcopy(swagger)
    done = Applied(swagger)
    made = {
        place[1]
        for one in corrections
        for place in one.places
        if one.change == "set" and place[0] == "definitions" and len(place) == 2
    }
    shapes = {_shape(path): path for path in swagger["paths"]}
    for correction in corrections:
        value, missing = _with_known_references(correction.value, {*swagger["definitions"], *made})
        for place in correction.places:
            there = _place_in(swagger, place, shapes)
            try:
                if missing:
                    raise CorrectionError(f"{missing[0]!r} does not exist")
                before = _change(swagger, evolve(correction, value=value), there)
            except CorrectionError as error:
                problem = str(error).rpartition(": ")[2].partition(";")[0]
                done.unapplied.append(Unapplied(correction.name, place, problem))
            else:
                done.overwritten[correction.name, *place] = before
    return done


def _shape(path: str) -> str:
    return re.sub(r"\{.*?\}", "{}", path)


def _place_in(swagger: dict[str, Any], place: list[str], shapes: dict[str, str]) -> list[str]:
    """Return a place of the pinned releases by the names that another release has for it."""
    if len(place) < 2:
        return place
    kind, name, *below = place
    if kind == "paths":
        name = shapes.get(_shape(name), name)
    elif kind == "definitions" and below and name not in swagger["definitions"]:
        name = name.removesuffix(" (read)")
    return [kind, name, *below]


def _with_known_references(value: Any, known: set[str]) -> tuple[Any, list[str]]:
    """Return a value with the names that definitions have there, and the names that none has."""
    # A correction may set a reference alone, at a place that ends in its key.
    wrapped, missing = {"$ref": deepcopy(value)}, []
    for node, key in _references(wrapped):
        name = reference_name({"$ref": node[key]})
        if name is not None and name not in known:
            node[key] = reference(name.removesuffix(" (read)"))
            if name.removesuffix(" (read)") not in known:
                missing.append(name)
    return wrapped["$ref"], missing


def _references(node: Any) -> Iterator[tuple[Any, Any]]:
    inside = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in [*inside] if isinstance(node, dict | list) else []:
        if isinstance(value, dict | list):
            yield from _references(value)
        elif key == "$ref":
            yield node, key


class _ByName(dict[str, Any]):
    """A list of parameters, indexed by name."""

    def __init__(self, parameters: list[Any]) -> None:
        super().__init__((one["name"], one) for one in parameters)
        self.list = parameters


def _by_name(value: Any) -> Any:
    """Index a list by the names of its parameters, or by number if it has no parameters."""
    if not isinstance(value, list):
        return value
    if all(isinstance(one, dict) and "name" in one for one in value):
        return _ByName(value)
    return {str(number): one for number, one in enumerate(value)}


def _change(swagger: dict[str, Any], correction: Correction, place: list[str]) -> Any:
    """Make the change at one place, and return the value that it overwrites, None for none."""
    where = f"correction {correction.name!r} at {' > '.join(place)}"
    *above, last = place
    parent: Any = swagger
    for key in above:
        parent = _by_name(parent.get(key, MISSING)) if isinstance(parent, dict) else MISSING
    if not isinstance(parent, dict):
        raise CorrectionError(f"{where}: the place does not exist; delete or update the entry")
    before = parent.get(last, MISSING)
    after: Any = MISSING if correction.change == "remove" else deepcopy(correction.value)
    if correction.change == "merge":
        if not isinstance(before, dict):
            raise CorrectionError(f"{where}: the value to merge into is not an object")
        after = {**before, **after}
    if after == before:
        raise CorrectionError(f"{where}: {NO_EFFECT}; delete the entry")
    if after is MISSING:
        del parent[last]
    else:
        parent[last] = after
    if isinstance(parent, _ByName):
        parent.list[:] = parent.values()
    if correction.change == "merge":
        return {key: before[key] for key in correction.value if key in before}
    return None if before is MISSING else before


def _entry(entry: dict[str, Any]) -> Correction:
    name = entry.get("name", entry)
    changes = [key for key in ("set", "merge", "remove") if key in entry]
    if len(changes) != 1:
        raise CorrectionError(
            f"correction {name!r}: exactly one of set, merge and remove is required"
        )
    missing = [key for key in ("name", "places", "reason", "evidence") if not entry.get(key)]
    unknown = entry.keys() - {"name", "places", "reason", "evidence", *changes}
    if missing or unknown:
        raise CorrectionError(f"correction {name!r}: missing keys {missing}, unknown {unknown}")
    return Correction(
        name=name,
        places=entry["places"],
        change=changes[0],
        value=entry[changes[0]],
        reason=entry["reason"],
        evidence=entry["evidence"],
    )
