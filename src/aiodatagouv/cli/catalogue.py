"""The names by which operations can be had on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from ..api._operations import OPERATIONS
from ..operation import Operation

_PREFIXES = ("", "get_", "list_")


def lists() -> dict[str, Operation]:
    """The short name of each list -> its operation: ``community-resources``, for instance."""
    return {_short(one): one for one in OPERATIONS.values() if one.kind == "page"}


def readable() -> dict[str, Operation]:
    """The id of each operation that reads -> the operation."""
    return {name: one for name, one in OPERATIONS.items() if one.method == "GET"}


def everything() -> Mapping[str, Operation]:
    """The id of every operation -> the operation."""
    return OPERATIONS


def find(name: str, among: Mapping[str, Operation]) -> tuple[str, Operation] | None:
    """The operation of a name, if there is one: its own, its id, or that without get or list.

    Args:
        name: What the user has written, with dashes or underscores.
        among: Those that there are, by their own names.

    Returns:
        Its own name, and the operation.
    """
    wanted = name.replace("-", "_")
    own = {known.replace("-", "_"): known for known in among}
    by_id = {one.id: known for known, one in among.items()}
    for prefix in _PREFIXES:
        known = own.get(prefix + wanted) or by_id.get(prefix + wanted)
        if known is not None:
            return known, among[known]
    return None


def nearest(name: str, among: Mapping[str, Operation]) -> list[str]:
    """The names that somebody may have meant, best first."""
    wanted = name.lower().replace("-", "_")
    spelled = {known.replace("-", "_"): known for known in among}
    # Without the verb the rest of two names is compared, not the verb that they share.
    spelled |= {_bare(known): own for known, own in spelled.items()}
    found = get_close_matches(wanted, spelled, n=6) or get_close_matches(_bare(wanted), spelled)
    return [*dict.fromkeys(spelled[one] for one in found)][:3]


def _short(operation: Operation) -> str:
    return _bare(operation.id).replace("_", "-")


def _bare(name: str) -> str:
    return name.removeprefix("list_").removeprefix("get_")
