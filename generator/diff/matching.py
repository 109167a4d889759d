"""Pair the operations and the models of two releases."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import cached_property

from attrs import define, field

from ..declarations import Model, Operation, View
from ..schemas import is_alike, shape
from . import assignment

Pair = tuple[Operation, Operation]


@define(slots=False)
class Sides:
    """Two releases, and the pairs of their operations and models.

    Attributes:
        old: The declarations of the older release.
        new: The declarations of the newer release.
        operations: The operations of both.
        removed: The operations of the older one only.
        added: The operations of the newer one only.
        models: The models of both: the name in the older release -> the name in the newer one.
    """

    old: View
    new: View
    operations: list[Pair] = field(factory=list)
    removed: list[Operation] = field(factory=list)
    added: list[Operation] = field(factory=list)
    models: dict[str, str] = field(factory=dict)

    @cached_property
    def old_models(self) -> dict[str, Model]:
        """The models of the older release by name."""
        return {one.name: one for one in self.old.models}

    @cached_property
    def new_models(self) -> dict[str, Model]:
        """The models of the newer release by name."""
        return {one.name: one for one in self.new.models}

    @cached_property
    def old_enums(self) -> dict[str, list[str]]:
        """The values of the enums of the older release by name."""
        return {one.name: one.values for one in self.old.enums}

    @cached_property
    def new_enums(self) -> dict[str, list[str]]:
        """The values of the enums of the newer release by name."""
        return {one.name: one.values for one in self.new.enums}


def match(old: View, new: View) -> Sides:
    """Pair what is the same in both releases, under whatever name.

    Operations are paired by method and path, then by the shape of the path, whose parameters may
    have other names, and then by the name of the function or the id. Models are paired by name; a
    model without a pair is a renamed one if the same operation has it at the same place.
    """
    sides = Sides(old, new)
    sides.removed = list(operations_of(old))
    sides.added = list(operations_of(new))
    keys: list[Callable[[Operation], Hashable]] = [
        lambda one: (one.method, one.path),
        lambda one: (one.method, shape(one.path)),
        lambda one: one.function,
        lambda one: one.id,
    ]
    for key in keys:
        _pair(sides, key)
    sides.operations.sort(key=lambda pair: pair[1].function)
    _pair_models(sides)
    return sides


def operations_of(view: View) -> Iterator[Operation]:
    """Yield all operations."""
    for operations in view.tags.values():
        yield from operations


def _pair(sides: Sides, key: Callable[[Operation], Hashable]) -> None:
    waiting = {key(one): one for one in reversed(sides.added)}
    left: list[Operation] = []
    paired: set[int] = set()
    for one in sides.removed:
        other = waiting.pop(key(one), None)
        if other is None:
            left.append(one)
        else:
            sides.operations.append((one, other))
            paired.add(id(other))
    sides.removed = left
    sides.added = [one for one in sides.added if id(one) not in paired]


def _pair_models(sides: Sides) -> None:
    sides.models = {name: name for name in sides.old_models if name in sides.new_models}
    waiting = [
        (old, new)
        for before, after in sides.operations
        for old, new in [
            (before.answer, after.answer),
            *(
                [(before.body.annotation, after.body.annotation)]
                if before.body and after.body
                else []
            ),
        ]
    ]
    taken, seen = {*sides.models.values()}, set[tuple[str, str]]()
    while waiting:
        old, new = waiting.pop(0)
        olds = _models_in(old, sides.old_models)
        news = _models_in(new, sides.new_models)
        unpaired = [one for one in olds if one not in sides.models]
        free = [one for one in news if one not in taken]
        if len(unpaired) == len(free) == 1 and _like(sides, unpaired[0], free[0]):
            sides.models[unpaired[0]] = free[0]
            taken.add(free[0])
        for one in olds:
            other = sides.models.get(one)
            if other is not None and (one, other) not in seen:
                seen.add((one, other))
                fields = {each.name: each.annotation for each in sides.new_models[other].fields}
                waiting += [
                    (each.annotation, fields[each.name])
                    for each in sides.old_models[one].fields
                    if each.name in fields
                ]


def _models_in(annotation: str, models: dict[str, Model]) -> list[str]:
    found = assignment.names_in(assignment.parse(annotation))
    return [one for one in dict.fromkeys(found) if one in models]


def _like(sides: Sides, old: str, new: str) -> bool:
    """Return whether two models have half of their fields in common, so that one is the other."""
    before, after = sides.old_models[old], sides.new_models[new]
    names = {one.name for one in before.fields}, {one.name for one in after.fields}
    return before.is_sent == after.is_sent and is_alike(*names)
