"""The operations that each release of udata serves, pinned or not: ``openapi/served.toml``."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, TypeAlias

from attrs import evolve
from packaging.version import Version

from . import pin, versions
from .declarations import Operation, View
from .errors import GenerationError
from .pin import RELEASE, release_number
from .schemas import shape

FILE = "served.toml"

HEAD = """\
# Made by `make served`: the operations that each release of udata serves, the oldest first, as what
# it added and removed compared with the one before it here. Paths are without the names of their
# parameters and without the slash at their end; those of API v2 start with /api/2.
"""

Routes: TypeAlias = frozenset[str]
"""Operations as a method and the form of a path: ``GET /datasets/{}``."""


class ServedError(GenerationError):
    """The file is malformed."""


def route(method: str, path: str) -> str:
    """Return an operation as the file writes it.

    The slash is left out because releases differ in it: udata up to 10.4.3 has some paths without.
    """
    return f"{method} {shape(path).rstrip('/')}"


def read(folder: Path) -> dict[str, Routes]:
    """Return the operations of each release, the oldest first; nothing if there is no file.

    Raises:
        ServedError: The file is malformed.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    known: dict[str, Routes] = {}
    served: Routes = frozenset()
    try:
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["release"]:
            release, added, removed = entry["release"], entry["added"], entry["removed"]
            if not RELEASE.fullmatch(release):
                raise ServedError(f"{FILE} is malformed: {release!r} is not a release number")
            served = (served - {*removed}) | {*added}
            known[release] = served
    except (ValueError, KeyError, TypeError) as error:
        raise ServedError(f"{FILE} is malformed: {error}") from None
    return known


def add(folder: Path, release: str, documents: list[dict[str, Any]]) -> int:
    """Add the operations of a release, or replace them, and return their number.

    Args:
        folder: The folder of the file.
        release: The release.
        documents: Its Swagger documents, that of API v1 first.

    Raises:
        ServedError: The file is malformed, or a path cannot be written to it.
    """
    found = frozenset(
        route(method, f"{start}{path}")
        for start, document in zip(("", versions.PATH), documents, strict=False)
        for method, path in pin.operations(document)
    )
    for one in found:
        if not one.isprintable():
            raise ServedError(f"the path of {one!r} cannot be written to {FILE}")
    known = read(folder) | {release_number(release): found}
    lines, before = [HEAD], Routes()
    for one in sorted(known, key=Version):
        lines += ["[[release]]", f'release = "{one}"']
        lines += [_listed("added", known[one] - before), _listed("removed", before - known[one])]
        lines.append("")
        before = known[one]
    pin.replace(folder / FILE, "\n".join(lines).rstrip("\n").encode() + b"\n")
    return len(found)


def _listed(name: str, routes: Routes) -> str:
    """Return a list in TOML, with a line for each operation, by their paths."""
    ordered = sorted(routes, key=lambda one: one.split(" ", 1)[::-1])
    if not routes:
        return f"{name} = []"
    return "\n".join(
        [f"{name} = [", *(f"    {json.dumps(one, ensure_ascii=False)}," for one in ordered), "]"]
    )


def mark(view: View, releases: list[str], known: dict[str, Routes]) -> View:
    """Return the declarations with ``since`` and ``until`` of each operation.

    Args:
        view: The declarations.
        releases: The pinned releases, of which the declarations tell which operations they serve.
        known: The operations of other releases, from :func:`read`.
    """
    ordered = sorted({*releases, *known}, key=Version)

    def marked(operation: Operation) -> Operation:
        form = route(operation.method, operation.path)
        serves = [
            one in operation.releases if one in releases else form in known[one] for one in ordered
        ]
        # If a release lacks it that is between two others, the newer ones count.
        last = max(index for index, is_one in enumerate(serves) if is_one)
        first = max((index + 1 for index in range(last) if not serves[index]), default=0)
        return evolve(
            operation,
            since=ordered[first] if first else None,
            until=ordered[last] if last + 1 < len(ordered) else None,
        )

    tags = {tag: [marked(one) for one in operations] for tag, operations in view.tags.items()}
    return evolve(view, tags=tags)
