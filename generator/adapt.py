"""Adapt corrections and names to the Swagger of another release.

They are written for the names of the newest pinned release. Another release may spell a path or a
definition in another way, and lacks some: udata 14.13.0 has ``User``, where 17.18.0 has
``User (read)`` and ``User (write)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from copy import deepcopy
from typing import Any

from attrs import define, evolve, field

from . import corrections, renaming
from .bodies import references_in
from .corrections import Correction, CorrectionError
from .renaming import RenameError
from .schemas import READ, WRITE, Swagger, reference, reference_name, shape

BODIES = {"x-apart", "x-bare", "x-reference", "x-whole-update", "x-write"}
"""The extensions that concern bodies only."""


@define(frozen=True)
class Unapplied:
    """A place of a correction that another release lacks, or where nothing is left to correct."""

    name: str
    place: list[str]
    problem: str

    def __str__(self) -> str:
        return f"correction {self.name!r} at {' > '.join(self.place)}: {self.problem}"


@define
class Applied:
    """A Swagger that was corrected where that is possible.

    Attributes:
        swagger: The corrected document.
        unapplied: The places at which it was not.
        overwritten: What stood at the other places: the name of the correction and its place ->
            the value that it replaced or removed, None for none.
    """

    swagger: Swagger
    unapplied: list[Unapplied] = field(factory=list[Unapplied])
    overwritten: dict[tuple[str, ...], Any] = field(factory=dict[tuple[str, ...], Any])


def apply_possible(swagger: Swagger, fixes: list[Correction]) -> Applied:
    """Correct a Swagger of any release where that is possible."""
    done = Applied(deepcopy(swagger))
    spelled = _Spelling(swagger, fixes)
    for one in fixes:
        value, unknown = spelled.value(one)
        for place in one.places:
            try:
                if unknown:
                    raise CorrectionError(f"there is no definition {unknown[0]!r}")
                there = spelled.place(place, one)
                before = corrections.change(done.swagger, evolve(one, value=value), there)
            except CorrectionError as error:
                problem = str(error).rpartition(": ")[2].partition(";")[0]
                done.unapplied.append(Unapplied(one.name, place, problem))
            else:
                done.overwritten[one.name, *place] = before
    hide_secrets(done.swagger, fixes)
    return done


def hide_secrets(swagger: Swagger, fixes: list[Correction]) -> None:
    """Mark the fields of all models that a correction says are secret in one.

    A key that another release answers in another model must not be printed either.
    """
    secret = {name for one in fixes for name in _secrets(one.value, one.places)}
    for name, schema in _properties(swagger["definitions"]):
        if name in secret:
            schema["x-secret"] = True


@define
class Shared:
    """The corrections and names of the façade, of which those that apply are used.

    Attributes:
        corrections: The entries of ``openapi/corrections.toml``.
        names: The entries of ``openapi/names.toml``.
        skipped: One line for each place and name that does not apply, once they are applied.
        overwritten: What the others overwrote, as in :class:`Applied`.
    """

    corrections: list[Correction]
    names: Mapping[str, str]
    skipped: list[str] = field(factory=list[str])
    overwritten: dict[tuple[str, ...], Any] = field(factory=dict[tuple[str, ...], Any])

    def correct(self, swagger: Swagger) -> Swagger:
        """Return a Swagger, corrected as far as the corrections apply to it."""
        done = apply_possible(swagger, self.corrections)
        self.skipped += map(str, done.unapplied)
        self.overwritten |= done.overwritten
        return done.swagger

    def renames(self, ids: list[str], own: Mapping[str, str]) -> dict[str, str]:
        """Return the names of operations, the package's own ones first."""
        used = {**own}
        for id_, name in self.names.items():
            if id_ in own:
                continue
            try:
                renaming.functions(ids, {**used, id_: name})
            except RenameError as error:
                self.skipped.append(str(error))
            else:
                used[id_] = name
        return used


class _Spelling:
    """The names of paths and definitions in a Swagger, and in what corrections add to it."""

    def __init__(self, swagger: Swagger, added: list[Correction]) -> None:
        self._paths = {shape(path): path for path in swagger["paths"]}
        self._definitions = {*swagger["definitions"]}
        self._added: Set[str] = {name for one in added for name, _ in _added(one)}
        self._added = self._possible(added)

    def _possible(self, fixes: list[Correction]) -> Set[str]:
        """Return the definitions that corrections add, and that refer only to what there is."""
        added = {
            name: {*references_in(self._value(definition))} - self._definitions
            for one in fixes
            for name, definition in _added(one)
        }
        while lost := {name for name, missing in added.items() if missing - added.keys()}:
            added = {name: missing for name, missing in added.items() if name not in lost}
        return added.keys()

    def value(self, one: Correction) -> tuple[Any, list[str]]:
        """Return the value of a correction, and the definitions in it that do not exist."""
        is_reference = one.places[0][-1] == "$ref"
        value = self._value({"$ref": one.value} if is_reference else one.value)
        unknown = sorted({*references_in(value)} - self._definitions - self._added)
        return (value["$ref"] if is_reference else value), unknown

    def place(self, place: list[str], one: Correction) -> list[str]:
        """Return the place that a correction has in this Swagger."""
        if len(place) < 2:
            return place
        kind, name, *rest = place
        if kind == "paths":
            return [kind, self._paths.get(shape(name), name), *rest]
        if kind == "definitions":
            return [kind, self._definition(name, is_body_only=_is_of_bodies(one)), *rest]
        return place

    def _definition(self, name: str, *, is_body_only: bool) -> str:
        """Return the name of a definition that is both answered and sent, if only that exists.

        Such a definition takes the corrections of its answers, and of its bodies only those that
        do not concern answers.
        """
        both = name.removesuffix(READ).removesuffix(WRITE)
        if name in {*self._definitions, *self._added} or both not in self._definitions:
            return name
        return name if name.endswith(WRITE) and not is_body_only else both

    def _value(self, value: Any) -> Any:
        """Return a value whose references have the names of this Swagger."""
        if isinstance(value, list):
            return [self._value(one) for one in value]
        if not isinstance(value, dict):
            return value
        changed = {key: self._value(one) for key, one in value.items()}
        name = reference_name(value)
        if name is not None:
            changed["$ref"] = reference(self._definition(name, is_body_only=True))
        return changed


def _added(one: Correction) -> Iterator[tuple[str, Any]]:
    """Yield the whole definitions that a correction adds, and their names."""
    for place in one.places:
        if one.change == "set" and place[0] == "definitions" and len(place) == 2:
            yield place[1], one.value
        if one.change == "merge" and place == ["definitions"]:
            yield from one.value.items()


def _is_of_bodies(one: Correction) -> bool:
    """Return whether a correction only has extensions that concern bodies."""
    keys = [*one.value] if one.change == "merge" else [place[-1] for place in one.places]
    return all(key in BODIES for key in keys)


def _secrets(value: Any, places: list[list[str]]) -> Iterator[str]:
    """Yield the names of the fields that a correction says are secret."""
    if isinstance(value, dict) and value.get("x-secret"):
        yield from (place[-1] for place in places)
    yield from (name for name, schema in _properties(value) if schema.get("x-secret"))


def _properties(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the schema of every field in a part of a Swagger."""
    if isinstance(node, list):
        for one in node:
            yield from _properties(one)
    elif isinstance(node, dict):
        own = node.get("properties")
        for name, schema in own.items() if isinstance(own, dict) else ():
            if isinstance(schema, dict):
                yield name, schema
        for one in node.values():
            yield from _properties(one)
