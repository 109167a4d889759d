"""Compare the limits of values: ranges, lengths, patterns, formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Any

from ..limits import Limits
from .meaning import text
from .rules import Change

LOWEST = ("minimum", "minLength", "minItems", "minProperties")
HIGHEST = ("maximum", "maxLength", "maxItems", "maxProperties")

SHOWN = ("markdown", "password", "mask")
"""Formats that say how a text is shown or what it is for, but not which texts are valid."""


class Verdict(Enum):
    """The meaning of a changed limit for a value that was valid before."""

    REFUSED = auto()
    ACCEPTED = auto()
    SHOWN = auto()


SENT = {Verdict.REFUSED: "-limited", Verdict.ACCEPTED: "-unlimited", Verdict.SHOWN: "-format"}
ANSWERED = dict.fromkeys(Verdict, "-limits")


def changes(
    subject: str,
    owner: str,
    name: str,
    pair: tuple[Limits, Limits],
    reached: tuple[str, ...] = (),
) -> Iterator[Change]:
    """Yield the changes of the limits of one value.

    Args:
        subject: The start of the rules: ``parameter``, ``body-field``, ``field`` or ``answer``.
        owner: The function or model that it belongs to.
        name: The parameter or field.
        pair: The limits in both releases.
        reached: The functions whose answers or bodies contain it.
    """
    old, new = pair
    rules = SENT if subject in ("parameter", "body-field") else ANSWERED
    found: dict[str, tuple[list[str], list[str]]] = {}
    for key in sorted(old.keys() | new.keys()):
        before, after = (text(one[key]) if key in one else "" for one in (old, new))
        if before == after:
            continue
        is_inside = key.split(".")[-1] == "properties"
        rule = "object-changed" if is_inside else f"{subject}{rules[_verdict(key, old, new)]}"
        for texts, said in zip(found.setdefault(rule, ([], [])), (before, after), strict=True):
            texts.extend([f"{key} {said}"] if said else [])
    for rule, (left, right) in found.items():
        yield Change(rule, owner, name, ", ".join(left), ", ".join(right), reached)


def _verdict(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Verdict:
    before, after = old.get(key), new.get(key)
    kind = key.split(".")[-1]
    if kind == "format" and before in (None, *SHOWN) and after in (None, *SHOWN):
        return Verdict.SHOWN
    if kind == "allowEmptyValue":
        return Verdict.ACCEPTED if after is True else Verdict.REFUSED
    if after is None or after is False:
        return Verdict.ACCEPTED
    numbers = isinstance(before, int | float) and isinstance(after, int | float)
    if numbers and ((kind in LOWEST and after < before) or (kind in HIGHEST and after > before)):
        return Verdict.ACCEPTED
    if kind == "format" and after in SHOWN:
        return Verdict.ACCEPTED
    return Verdict.REFUSED
