"""The place of a value in an answer, which errors name.

A view keeps its place instead of the answer, so that one item of a page does not keep the whole
page in memory.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from attrs import frozen

from ..errors import DecodeError
from ..types import UNSET, Mask


@frozen
class Origin:
    """The call that was answered.

    Attributes:
        operation: The operation's name.
        mask: The fields of the answer that were asked for, None for all.
    """

    operation: str
    mask: Mask | None = None


Place: TypeAlias = "Origin | tuple[Place, str | int] | None"
"""An answer, a key of an object or an index of a list; None for JSON that is not an answer."""


def origin_of(place: Place) -> Origin | None:
    """The call whose answer contains a place."""
    while isinstance(place, tuple):
        place = place[0]
    return place


def steps_of(place: Place) -> list[str | int]:
    """The keys and indexes that lead to a place, from the outside."""
    steps: list[str | int] = []
    while isinstance(place, tuple):
        place, step = place
        steps.append(step)
    return steps[::-1]


def path_of(place: Place) -> str:
    """Write a place as a JSON path: ``$.data[3].organization``."""
    steps = (f"[{one}]" if isinstance(one, int) else f".{one}" for one in steps_of(place))
    return "$" + "".join(steps)


def mask_at(place: Place) -> Mask | None:
    """The fields that were asked for of the object at a place, None for all."""
    origin = origin_of(place)
    mask = None if origin is None else origin.mask
    for step in steps_of(place):
        if mask is not None and isinstance(step, str):
            mask = mask.get(step)
    return mask


def was_wanted(place: Place) -> bool:
    """Whether the call asked for the value at a place."""
    origin = origin_of(place)
    mask = None if origin is None else origin.mask
    for step in steps_of(place):
        if mask is None:
            return True
        if isinstance(step, int):
            continue
        if step not in mask:
            return "*" in mask
        mask = mask[step]
    return True


def unreadable(place: Place, expected: str, found: Any) -> DecodeError:
    """The error for a value of another type than declared; ``UNSET`` for a missing value."""
    origin = origin_of(place)
    operation = "" if origin is None else origin.operation
    text = "nothing" if found is UNSET else f"{found!r:.80}"
    return DecodeError(text, operation=operation, path=path_of(place), expected=expected)
