"""Compare types as they are used, and collect which enums and models are used where."""

from __future__ import annotations

from functools import lru_cache

from attrs import define, field

from ..declarations import Model, Operation, View
from . import assignment
from .assignment import Verdict
from .matching import Sides, operations_of

EnumPair = tuple[str, str]


@define
class Usage:
    """The places that use an enum of the older release and its successor of the newer one.

    Attributes:
        is_sent: Whether one of them is in a body or a parameter, which takes no other values.
        reached: The functions whose answers, bodies or parameters contain it.
    """

    is_sent: bool = False
    reached: set[str] = field(factory=set)


class Usages:
    """The comparison of types that refer to models and enums of two releases."""

    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        self._enums = {*sides.old_enums, *sides.new_enums}
        self.enums: dict[EnumPair, Usage] = {}

    def compare(
        self, old: str, new: str, reached: set[str], *, is_sent: bool, in_query: bool = False
    ) -> Verdict:
        """Compare the type of one place, and note the pair of enums that it uses.

        A renamed model, and an enum with other values, is no change of the types that refer to it.
        """
        before = assignment.renamed(assignment.parse(old), self._sides.models)
        after = assignment.parse(new)
        olds = {one for one in assignment.names_in(before) if one in self._sides.old_enums}
        news = {one for one in assignment.names_in(after) if one in self._sides.new_enums}
        pairs = {one: one for one in olds & news}
        if len(olds) == len(news) == 1:
            pairs = dict(zip(olds, news, strict=True))
        for pair in pairs.items():
            usage = self.enums.setdefault(pair, Usage())
            usage.is_sent |= is_sent
            usage.reached |= reached
        before = assignment.renamed(before, pairs)
        if is_sent:
            return assignment.sent(before, after, self._enums, in_query=in_query)
        return assignment.answered(before, after, self._enums)


def reached(view: View) -> dict[str, set[str]]:
    """Return the functions whose answers or bodies contain a model, directly or indirectly."""
    models = {one.name: one for one in view.models}
    found: dict[str, set[str]] = {name: set() for name in models}
    for operation in operations_of(view):
        for name in _closure(_direct(operation, models), models):
            found[name].add(operation.function)
    return found


def _direct(operation: Operation, models: dict[str, Model]) -> set[str]:
    texts = [operation.answer, *([operation.body.annotation] if operation.body else [])]
    texts += [operation.switch.answer] if operation.switch else []
    return {one for text in texts for one in _names(text) if one in models}


def _closure(names: set[str], models: dict[str, Model]) -> set[str]:
    found, waiting = set[str](), [*names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            texts = [one.annotation for one in models[name].fields]
            waiting += [one for text in texts for one in _names(text) if one in models]
    return found


@lru_cache(maxsize=10_000)
def _names(annotation: str) -> frozenset[str]:
    return frozenset(assignment.names_in(assignment.parse(annotation)))
