"""``fields``: which parts of an answer are wanted, in the syntax of the ``X-Fields`` header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import MaskError

if TYPE_CHECKING:
    from .types import Fields

HEADER = "X-Fields"

_ENVELOPE = "page,page_size,total,next_page,previous_page"
"""What pagination needs of a page besides its items."""


def mask(fields: Fields, *, paged: bool = False) -> str:
    """Write a mask.

    Args:
        fields: A mask in the server's own syntax, ``"id,organization{name}"``, or a list of dotted
            paths, ``["id", "organization.name"]``.
        paged: The answer is a page: the mask is for its items.

    Raises:
        MaskError: There is no field in it, or one that no field is called.
    """
    text = fields if isinstance(fields, str) else _from_paths([path.split(".") for path in fields])
    text = text.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    if not text:
        raise MaskError("fields is empty: name the fields wanted, or leave it out to get them all")
    if not (text.isascii() and text.isprintable()):
        raise MaskError(f"fields is {text!r}: the API's fields have plain names")
    return f"data{{{text}}},{_ENVELOPE}" if paged else text


def _from_paths(paths: list[list[str]]) -> str:
    below: dict[str, list[list[str]]] = {}
    for first, *rest in paths:
        below.setdefault(first, []).append(rest)
    return ",".join(
        name if [] in rests else f"{name}{{{_from_paths(rests)}}}" for name, rests in below.items()
    )
