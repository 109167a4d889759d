"""Compare the masks that a portal applies to answers when the caller names no fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from .rules import Change


def changes(owner: str, old: str, new: str, reached: tuple[str, ...] = ()) -> Iterator[Change]:
    """Yield the change of the mask of a model or of a function; an empty mask leaves nothing out.

    The order of fields in a mask means nothing.
    """
    before, after = _leaves(old), _leaves(new)
    if before != after:
        # A field of which only a part is answered now may have been one of `*`.
        parts = {one for each in after for one in _prefixes(each) if _covers(before, one)}
        is_kept = all(_covers(after, one) for one in before | parts)
        rule = "default-mask-widened" if is_kept else "default-mask-narrowed"
        yield Change(rule, owner, "", old, new, reached)


def _leaves(mask: str) -> Set[str]:
    """Return the dotted paths of the fields that a mask answers whole."""
    found, above, path = dict[str, None](), [""], ""
    for token in re.findall(r"[{}]|[^{},\s]+", mask):
        if token == "{":
            found.pop(path, None)
            above.append(f"{path}." if path else "")
        elif token == "}":
            path = above.pop() if len(above) > 1 else ""
        else:
            path = above[-1] + token
            found[path] = None
    return found.keys() or {"*"}


def _prefixes(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:number]) for number in range(1, len(parts) + 1)]


def _covers(leaves: Set[str], path: str) -> bool:
    for prefix in _prefixes(path):
        if prefix in leaves:
            return True
        above, dot, _ = prefix.rpartition(".")
        others = f"{above}{dot}*"
        if others in leaves and not any(one.startswith(f"{prefix}.") for one in leaves):
            return True
    return False
