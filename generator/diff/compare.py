"""The comparison of two releases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..build import Attempt
from ..declarations import View
from . import enums, models, operations
from .matching import match
from .meaning import text
from .rules import RULES, Change
from .usages import Usages


def compare(old: View, new: View) -> list[Change]:
    """Return the changes between two releases, the breaking ones first.

    The order of operations, parameters, fields and values is no change, except that of the
    parameters of a path, which callers pass by position.
    """
    sides = match(old, new)
    usages = Usages(sides)
    found = [*operations.changes(sides, usages), *models.changes(sides, usages)]
    found += enums.changes(sides, usages)
    found += _modules(old, new)
    if old.keyed != new.keyed:
        found.append(Change("key-declared" if new.keyed else "key-undeclared", "api_key"))
    return ordered(found)


def compare_attempts(old: Attempt, new: Attempt) -> list[Change]:
    """Return the changes between two releases, also those that a correction hides.

    A correction states what is true of the release that it was written for. When what it
    overwrites changes, that may have become wrong, and the declarations do not show it.
    """
    hidden = [
        Change("correction-outdated", name, " > ".join(place), text(before), text(after))
        for (name, *place), before in old.overwritten.items()
        if (after := new.overwritten.get((name, *place), before)) is not before
        and text(before) != text(after)
    ]
    return ordered([*compare(old.view, new.view), *hidden])


def ordered(changes: Iterable[Change]) -> list[Change]:
    """Return changes without repetitions, the breaking ones first."""
    order = [*RULES]
    # Two places may find the same change of an enum.
    return sorted(
        dict.fromkeys(changes),
        key=lambda one: (-one.status, order.index(one.rule), one.owner, one.name, one.before),
    )


def _modules(old: View, new: View) -> Iterator[Change]:
    for tag, description in new.tag_descriptions.items():
        before = old.tag_descriptions.get(tag, description)
        if before != description and tag in old.tags and tag in new.tags:
            yield Change("module-described", f"api.{tag}", "", before, description)
