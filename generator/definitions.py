"""Merge the definitions of an older release into those of the newer ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from .names import class_name
from .schemas import (
    READ,
    WRITE,
    Swagger,
    answer_of,
    base,
    body_of,
    fields_of,
    is_alike,
    items_of,
    model_name,
    reference,
    reference_name,
    references,
)

Pair = tuple[Swagger, Swagger]
"""An operation of the merged Swagger, and the same one as an older release declares it."""

Use = tuple[str, bool]
"""A definition of the older release, and whether it is that of a body."""


class OlderDefinitions:
    """The definitions of an older release. Each is a definition of the merged Swagger as well.

    Names differ between releases, and one name can be two models. A definition is taken for the
    model of a newer release, its twin, if an operation has both at the same place and their names
    are the same or half of their fields, or else if names and fields are. A model that has no
    twin is added: under its name, or one that also tells its release if another model has that.
    """

    def __init__(
        self, release: str, without: str, merged: dict[str, Any], document: Swagger
    ) -> None:
        """Prepare to merge.

        Args:
            release: The older release.
            without: The oldest of the newer ones, which lacks all that is added.
            merged: The definitions to add to.
            document: The Swagger of the older release, with its operations' own parameters.
        """
        self._release, self._without = release, without
        self._merged, self._older = merged, document["definitions"]
        # The fields are added to copies, so that these remain as the newer releases have them.
        self._original = {name: {**definition} for name, definition in merged.items()}
        self._bases = {_class(name) for name in merged}
        answers = [
            answer_of(operation)
            for item in document["paths"].values()
            for operation in item.values()
        ]
        self._answered = {*references(answers, self._older)}
        self._paired: dict[Use, set[str]] = {}
        self._twins: dict[Use, str] = {}
        self._added: dict[str, str] = {}

    def compare(self, pairs: list[Pair]) -> None:
        """Find the twins of the definitions that operations of both releases have."""
        walk = _Walk(self._original, self._original, self._older)
        for newer, older, left_out in _schemas(pairs):
            for name, other, _, taken in walk.models(newer, older, left_out):
                self._paired.setdefault((other, taken), set()).add(name)

    def adopt(self, operation: Swagger) -> Swagger:
        """Return an operation that only older releases serve, with references to the twins."""
        return {
            key: [self._renamed(one, taken=one["in"] == "body") for one in value]
            if key == "parameters"
            else self._renamed(value, taken=False)
            for key, value in operation.items()
        }

    def refer(self, response: Swagger) -> Swagger:
        """Return a response that only older releases declare, with references to the twins."""
        renamed: Swagger = self._renamed(response, taken=False)
        return renamed

    def keep(self, pairs: list[Pair]) -> None:
        """Add the fields that only the older release has.

        Older releases use one model for requests and responses. Fields that a newer release has
        in its response only are not added to the request.
        """
        walk = _Walk(self._merged, self._original, self._older)
        for newer, older, left_out in _schemas(pairs):
            self._keep(walk, newer, older, left_out)

    def _keep(self, walk: _Walk, newer: Swagger, older: Swagger, left_out: Swagger | None) -> None:
        for name, other, answered, taken in walk.models(newer, older, left_out):
            known = fields_of(name, self._merged)
            for key, schema in fields_of(other, self._older).items():
                if key in known or key in answered or (taken and schema.get("readOnly")):
                    continue
                added = self._renamed(schema, taken=taken)
                self._add(name, key, added)
                self._keep(walk, added, schema, answered.get(key, {}) if taken else None)

    def _add(self, name: str, key: str, schema: Swagger) -> None:
        said = schema.get("description", "").strip().rstrip(".")
        note = f"Only of portals older than udata {self._without}."
        field = {key: schema | {"description": f"{said}. {note}" if said else note}}
        definition = self._merged[name]
        if "allOf" in definition:
            definition["allOf"] = [*definition["allOf"], {"properties": field}]
        else:
            definition["properties"] = definition.get("properties", {}) | field

    def _renamed(self, node: Any, *, taken: bool) -> Any:
        """Return a copy of a part of the older Swagger, which refers to the twins."""
        if isinstance(node, list):
            return [self._renamed(one, taken=taken) for one in node]
        if not isinstance(node, dict):
            return node
        renamed = {key: self._renamed(one, taken=taken) for key, one in node.items()}
        name = reference_name(node)
        if name is not None:
            renamed["$ref"] = reference(self._twin(name, taken=taken))
        return renamed

    def _twin(self, other: str, *, taken: bool) -> str:
        """Return the merged definition of a definition of the older release."""
        use = other, taken
        if use not in self._twins:
            found = next(self._candidates(other, taken=taken), None)
            self._twins[use] = found or self._import(other, taken=taken)
        return self._twins[use]

    def _candidates(self, other: str, *, taken: bool) -> Iterator[str]:
        """Yield the definitions of the newer releases that are the same model, the best first."""

        def is_same(name: str) -> bool:
            return is_alike(
                _comparable(fields_of(name, self._original), taken=taken),
                _comparable(fields_of(other, self._older), taken=taken),
            )

        def nearness(name: str) -> tuple[bool, bool, str]:
            return base(name) != base(other), name != other, name

        for name in sorted(self._paired.get((other, taken), ()), key=nearness):
            if base(name) == base(other) or is_same(name):
                yield name
        elsewhere = sorted(self._paired.get((other, not taken), ()), key=nearness)
        for model in [base(other), *map(base, elsewhere)]:
            endings = (WRITE, "", READ) if taken else (READ, "")
            for name in [*([other] if not taken else []), *(f"{model}{end}" for end in endings)]:
                if name in self._original and is_same(name):
                    yield name

    def _import(self, other: str, *, taken: bool) -> str:
        """Add a definition, and return its name."""
        if other not in self._added:
            model = base(other)
            if _class(model) in self._bases:
                model = f"{model} of {self._release}"
            name = self._added[other] = f"{model}{other.removeprefix(base(other))}"
            definition = deepcopy(self._older[other])
            taken = taken and other not in self._answered
            self._merged[name] = self._renamed(definition, taken=taken)
        return self._added[other]


class _Walk:
    """The models at the same places of two releases, each pair once."""

    def __init__(
        self, newer: Mapping[str, Any], original: Mapping[str, Any], older: Mapping[str, Any]
    ) -> None:
        self._newer, self._original, self._older = newer, original, older
        self._seen: set[tuple[str, str, bool]] = set()

    def models(
        self, newer: Swagger, older: Swagger, left_out: Swagger | None
    ) -> Iterator[tuple[str, str, Swagger, bool]]:
        """Yield the definitions in two schemas, and all that they refer to.

        Args:
            newer: The schema of the newer release.
            older: That of the older one.
            left_out: For a request body, the corresponding response; otherwise None.

        Yields:
            The name of the newer definition, that of the older one, the fields that only the
            response has, and whether it is a body.
        """
        waiting = [(newer, older, left_out)]
        while waiting:
            newer, older, left_out = waiting.pop()
            if "array" in (newer.get("type"), older.get("type")):
                item, other_item = items_of(newer, self._newer), items_of(older, self._older)
                if item is not None and other_item is not None:
                    waiting.append((item, other_item, left_out and left_out.get("items", {})))
            name, other, taken = model_name(newer), model_name(older), left_out is not None
            if name is None or other is None or (name, other, taken) in self._seen:
                continue
            self._seen.add((name, other, taken))
            shown = (model_name(left_out) if left_out else None) or ""
            # One that was added for this release has no field that the older one lacks.
            answered = fields_of(shown, self._original) if shown in self._original else {}
            known = fields_of(name, self._newer)
            yield name, other, answered, taken
            waiting += [
                (known[key], schema, answered.get(key, {}) if taken else None)
                for key, schema in reversed(fields_of(other, self._older).items())
                if key in known
            ]


def _schemas(pairs: list[Pair]) -> Iterable[tuple[Swagger, Swagger, Swagger | None]]:
    """Yield the answers of all operations, then their bodies with the newer answers."""
    for newer, older in pairs:
        one, other = answer_of(newer), answer_of(older)
        if one is not None and other is not None:
            yield one, other, None
    for newer, older in pairs:
        one, other = body_of(newer), body_of(older)
        if one is not None and other is not None:
            yield one, other, answer_of(newer) or {}


def _comparable(fields: Swagger, *, taken: bool) -> set[str]:
    return {key for key, one in fields.items() if not (taken and one.get("readOnly"))}


def _class(name: str) -> str:
    """Return what the names of two definitions have in common if one class would have both."""
    return class_name(base(name)).casefold()
