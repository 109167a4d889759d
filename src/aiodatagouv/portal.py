"""The portal that a client calls, as it describes itself."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

from attrs import evolve, field, frozen

from ._decoding.json import parse
from .errors import APIError, DecodeError
from .operation import Operation

_METHODS = frozenset({"get", "put", "post", "delete", "patch"})

_RELEASE = re.compile(r"v?([0-9]{1,9}(\.[0-9]{1,9}){0,4}[0-9a-z.+-]{0,40})", re.ASCII)
"""A release as portals report it: ``17.18.0``, ``v17.18.0``, ``17.18.1.dev0+g1a2b3c``."""

_ABSENT = frozenset({403, 404, 405, 410, 501})
"""The statuses with which a portal says that it does not show a document."""

Fetch: TypeAlias = Callable[[str, int], Awaitable[bytes]]
"""Fetches a document by its path below the API of a version."""


@frozen
class Portal:
    """A portal: its title, the release of udata that it runs, and the operations that it serves.

    Attributes:
        url: Its root.
        title: Its title, None if it does not tell.
        release: Its release of udata, such as ``17.18.0``; None if it does not tell. Releases
            before 12.0 do not.
        operations: The operations in the Swagger of version 1 of its API, each as a method and a
            path without the names of its parameters, and without the slash at its end:
            ``("GET", "/datasets/{}")``. None if it has no Swagger.
        operations_v2: Those of version 2, likewise.
    """

    url: str
    title: str | None = None
    release: str | None = None
    operations: frozenset[tuple[str, str]] | None = field(default=None, repr=False)
    operations_v2: frozenset[tuple[str, str]] | None = field(default=None, repr=False)

    def serves(self, operation: Operation) -> bool | None:
        """Tell whether it serves an operation; None if that is unknown.

        The portal's own Swagger counts. If it has none, its release tells which operations it
        serves, but not which it lacks.
        """
        listed = self.operations if operation.version == 1 else self.operations_v2
        if listed is not None:
            return _form(operation.method, operation.path) in listed
        if self.release is None:
            return None
        own = _numbers(self.release)
        is_old = operation.since is not None and own < _numbers(operation.since)
        is_new = operation.until is not None and own > _numbers(operation.until)
        return None if is_old or is_new else True


async def describe(url: str, fetch: Fetch) -> Portal:
    """Fetch what a portal says of itself and of version 1 of its API, and read it.

    What it lacks, or has in another form, is None.

    Args:
        url: The root of the portal.
        fetch: Fetches a document.

    Raises:
        APIError: The portal fails, or refuses the API key.
        NetworkError: There is no answer, or only a part of it.
    """
    site, operations = await _object("site/", 1, fetch), await _operations(1, fetch)
    title, release = site.get("title"), site.get("version")
    found = _RELEASE.fullmatch(release) if isinstance(release, str) else None
    return Portal(
        url,
        title if isinstance(title, str) else None,
        found[1] if found else None,
        operations,
    )


async def describe_v2(portal: Portal, fetch: Fetch) -> Portal:
    """Add the operations of version 2 of a portal's API, as :func:`describe` finds the others."""
    return evolve(portal, operations_v2=await _operations(2, fetch))


async def _object(path: str, version: int, fetch: Fetch) -> dict[str, Any]:
    try:
        content = parse(path, await fetch(path, version))
    except DecodeError:
        return {}
    except APIError as error:
        if error.status not in _ABSENT:
            raise
        return {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


async def _operations(version: int, fetch: Fetch) -> frozenset[tuple[str, str]] | None:
    paths = (await _object("swagger.json", version, fetch)).get("paths")
    if not isinstance(paths, dict):
        return None
    found = frozenset(
        _form(method.upper(), path)
        for path, item in cast("dict[str, Any]", paths).items()
        if isinstance(item, dict)
        for method in _METHODS & cast("dict[str, Any]", item).keys()
    )
    return found or None


def _form(method: str, path: str) -> tuple[str, str]:
    return method, re.sub(r"\{[^{}]*\}", "{}", path).rstrip("/")


def _numbers(release: str) -> tuple[int, ...]:
    (numbers,) = re.findall(r"^\d+(?:\.\d+)*", release)
    parts = [int(one) for one in numbers.split(".")]
    return (*parts[:3], *[0] * (3 - len(parts)))
