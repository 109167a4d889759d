"""The names by which users call operations: with or without verbs, with dashes or underscores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from .operation import Operation

_PREFIXES = ("", "get_", "list_")


def find(name: str, among: Mapping[str, Operation]) -> tuple[str, Operation] | None:
    """Find an operation by its name or id, with or without ``get_`` or ``list_``.

    Args:
        name: The name as the user wrote it, with dashes or underscores.
        among: The operations to choose from, by name.

    Returns:
        The operation and its name in ``among``, or None.
    """
    wanted = name.replace("-", "_")
    own = {known.replace("-", "_"): known for known in among}
    by_name = {one.name: known for known, one in among.items()}
    by_id = {one.id: known for known, one in among.items()}
    for spelling in spellings(wanted):
        for names in (own, by_name, by_id):
            known = names.get(spelling)
            if known is not None:
                return known, among[known]
    return None


def suggestion(name: str, among: Mapping[str, Operation]) -> str:
    """Suggest the names nearest to an unknown one, best first; empty if none is near."""
    wanted = name.lower().replace("-", "_")
    spelled = {known.replace("-", "_"): known for known in among}
    # Names are also compared without their verbs, which many names share.
    spelled |= {bare(known): own for known, own in spelled.items()}
    found = get_close_matches(wanted, spelled, n=6) or get_close_matches(bare(wanted), spelled)
    if not found and len(stem := wanted.rstrip("s")) > 2:  # `orgs` begins as `organizations` does.
        found = sorted((one for one in spelled if one.startswith(stem)), key=len)
    near = [*dict.fromkeys(spelled[one] for one in found)][:3]
    return f" Did you mean {', '.join(near)}?" if near else ""


def spellings(name: str) -> Iterator[str]:
    """The names that one may stand for, as it may lack ``get_`` or ``list_``."""
    version, dot, name = name.rpartition(".")
    return (f"{version}{dot}{prefix}{name}" for prefix in _PREFIXES)


def bare(name: str) -> str:
    """A name without its verb: ``v2.topics`` of ``v2.list_topics``."""
    version, dot, name = name.rpartition(".")
    return version + dot + name.removeprefix("list_").removeprefix("get_")


def lists_of(operations: Mapping[str, Operation]) -> dict[str, Operation]:
    """Each list, by its short name, such as ``community-resources`` or ``v2.topics``.

    Args:
        operations: Operations by the names of their functions.
    """
    several = operations.items()
    return {bare(name).replace("_", "-"): one for name, one in several if one.kind == "page"}
