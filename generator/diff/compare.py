"""The comparison of two releases."""

from __future__ import annotations

from collections.abc import Iterator

from ..declarations import View
from . import enums, models, operations
from .matching import match
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
    order = [*RULES]
    # Two places may find the same change of an enum.
    return sorted(
        dict.fromkeys(found),
        key=lambda one: (-one.status, order.index(one.rule), one.owner, one.name, one.before),
    )


def _modules(old: View, new: View) -> Iterator[Change]:
    for tag, description in new.tag_descriptions.items():
        before = old.tag_descriptions.get(tag, description)
        if before != description and tag in old.tags and tag in new.tags:
            yield Change("module-described", f"api.{tag}", "", before, description)
