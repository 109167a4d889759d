"""Masks, applied to answers as the server applies them."""

from __future__ import annotations

from typing import Any

from ..errors import MaskError
from ..types import Mask


def masked(value: Any, mask: Mask, where: str = "") -> Any:
    """The part of an answer that a mask asks for: what it lacks is left out, ``*`` is the rest.

    Raises:
        MaskError: It asks for a part of something that is neither an object nor a list.
    """
    if isinstance(value, list):
        return [masked(one, mask, where) for one in value]
    if not isinstance(value, dict):
        raise MaskError(f"Mask is inconsistent with model: {where} has no parts")
    found: dict[str, Any] = {}
    for name, inside in mask.items():
        if name not in value:
            continue
        one = value[name]
        found[name] = one if inside is None or one is None else masked(one, inside, name)
    rest = value if "*" in mask else {}
    return found | {name: one for name, one in rest.items() if name not in found}
