"""The comparison of two rows: the values that differ, and the paths of these values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias, cast

from attrs import frozen

from ...types import UNSET, JsonObject, Unset

Steps: TypeAlias = tuple[str | int, ...]
"""The names and indexes that lead to a value in a row."""

_SPECIAL = re.compile(r'[.\[\]"]')
"""The characters by which paths are divided."""


@frozen
class Values:
    """A value in both rows.

    Attributes:
        old: The value before; ``UNSET`` if there was none.
        new: The value now; ``UNSET`` if there is none.
    """

    old: Any
    new: Any

    def to_dict(self) -> JsonObject:
        """The values that there are, by their names."""
        both = {"old": self.old, "new": self.new}
        return {name: one for name, one in both.items() if not isinstance(one, Unset)}


def differences(old: Any, new: Any, at: Steps = ()) -> Iterator[tuple[Steps, Values]]:
    """Compare two values as JSON.

    Objects are compared name by name, in whatever order their names are, and lists of one length
    element by element; lists of different lengths differ as a whole. 1 and 1.0 are equal, null and
    a missing value are not.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        before, now = cast("JsonObject", old), cast("JsonObject", new)
        for name in {**before, **now}:
            one, other = before.get(name, UNSET), now.get(name, UNSET)
            yield from differences(one, other, (*at, name))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, (*at, index))
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield at, Values(old, new)


def text_of(steps: Steps, *, with_indexes: bool = True) -> str:
    """The path of a value: ``resources[2].title``.

    A name with one of the characters ``.[]"`` is written as JSON: ``extras["a.b"]``. Without
    indexes, elements of lists are alike: ``resources[].title``.
    """
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]" if with_indexes else "[]"
        elif not step or _SPECIAL.search(step):
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
        else:
            text += f".{step}" if text else step
    return text
