"""How an item of a list shows that not everybody sees it, or that it is out of use.

With a key, most lists also have the private, deleted and archived objects of its owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from .._decoding.declared import Model, declared

Mark: TypeAlias = Literal["private", "deleted", "archived"]
"""A reason why not everybody sees an item, or nobody should use it. One may have several."""

MARKS: Mapping[str, Mark] = {
    "private": "private",
    "deleted": "deleted",
    "deleted_at": "deleted",
    "archived": "archived",
    "archived_at": "archived",
}
"""The fields of models that say it: they are true, or a date."""


def marking(model: type[Model]) -> dict[str, Mark]:
    """The fields of a model that say whether an item is private, deleted or archived."""
    return {name: MARKS[name] for name in declared(model) if name in MARKS}


def marks_of(item: Mapping[str, Any], fields: Mapping[str, Mark]) -> tuple[Mark, ...]:
    """Whether an item is private, deleted or archived, as its fields say."""
    return tuple(mark for name, mark in fields.items() if item.get(name))
