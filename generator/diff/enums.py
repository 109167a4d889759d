"""The changes of enums, each said once for all the places that use it."""

from __future__ import annotations

from collections.abc import Iterator

from .matching import Sides
from .rules import Change
from .usages import Usages


def changes(sides: Sides, usages: Usages) -> Iterator[Change]:
    """Yield the changes of all enums, once ``usages`` has seen every place that uses one."""
    for (old, new), usage in usages.enums.items():
        where = tuple(sorted(usage.reached))
        before, after = sides.old_enums[old], sides.new_enums[new]
        if old != new:
            rule = "enum-split" if old in sides.new_enums else "enum-renamed"
            yield Change(rule, new, "", old, new, where)
        for value in before:
            if value not in after:
                rule = "enum-value-removed" if usage.is_sent else "enum-answer-removed"
                yield Change(rule, new, value, reached=where)
        for value in after:
            if value not in before:
                yield Change("enum-value-added", new, value, reached=where)
    paired = {old for old, _ in usages.enums}, {new for _, new in usages.enums}
    for name in sides.old_enums:
        if name not in paired[0] and name not in sides.new_enums:
            yield Change("enum-removed", name)
    for name in sides.new_enums:
        if name not in paired[1] and name not in sides.old_enums:
            yield Change("enum-added", name)
