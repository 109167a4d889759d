"""The names by which operations can be had on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from ..api.ops import OPERATIONS
from ..operation import Operation

_PREFIXES = ("", "get_", "list_")


def lists() -> dict[str, Operation]:
    """The short name of each list -> its operation: ``community-resources``, for instance."""
    return {_short(one): one for one in OPERATIONS.values() if one.kind == "page"}


def readable() -> dict[str, Operation]:
    """The name of each operation that reads -> the operation."""
    return {name: one for name, one in everything().items() if one.method == "GET"}


def everything() -> Mapping[str, Operation]:
    """The name of every operation -> the operation."""
    return {one.name: one for one in OPERATIONS.values()}


def named(name: str) -> Operation | None:
    """The operation of a full name or id, if there is one."""
    wanted = name.replace("-", "_")
    return everything().get(wanted) or OPERATIONS.get(wanted)


def find(name: str, among: Mapping[str, Operation]) -> tuple[str, Operation] | None:
    """The operation of a name, if there is one.

    Args:
        name: Its own name, the name of its function or its id in the API, in full or without get
            or list, with dashes or underscores.
        among: Those that there are, by their own names.

    Returns:
        Its own name, and the operation.
    """
    wanted = name.replace("-", "_")
    own = {known.replace("-", "_"): known for known in among}
    by_name = {one.name: known for known, one in among.items()}
    by_id = {one.id: known for known, one in among.items()}
    for prefix in _PREFIXES:
        for names in (own, by_name, by_id):
            known = names.get(prefix + wanted)
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
    return _bare(operation.name).replace("_", "-")


def _bare(name: str) -> str:
    return name.removeprefix("list_").removeprefix("get_")
