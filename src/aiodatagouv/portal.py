"""The portal that a client calls, as it describes itself."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

from attrs import field, frozen

from ._decoding.json import parse
from .errors import APIError, DecodeError
from .operation import Operation

_METHODS = frozenset({"get", "put", "post", "delete", "patch"})

_RELEASE = re.compile(r"v?([0-9]{1,9}(\.[0-9]{1,9}){0,4}[0-9a-z.+-]{0,40})", re.ASCII)
"""A release as portals report it: ``17.18.0``, ``v17.18.0``, ``17.18.1.dev0+g1a2b3c``."""

_ABSENT = frozenset({403, 404, 405, 410, 501})
"""The statuses with which a portal says that it does not show a document."""

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]
"""Fetches a document by its path below the API's root."""


@frozen
class Portal:
    """A portal: its title, the release of udata that it runs, and the operations that it serves.

    Attributes:
        url: The root of its API.
        title: Its title, None if it does not tell.
        release: Its release of udata, such as ``17.18.0``; None if it does not tell. Releases
            before 12.0 do not.
        operations: The operations in its Swagger, each as a method and a path without the names of
            its parameters, and without the slash at its end: ``("GET", "/datasets/{}")``. None if
            it has no Swagger.
    """

    url: str
    title: str | None = None
    release: str | None = None
    operations: frozenset[tuple[str, str]] | None = field(default=None, repr=False)

    def serves(self, operation: Operation) -> bool | None:
        """Tell whether it serves an operation; None if that is unknown.

        The portal's own Swagger counts. If it has none, its release tells which operations it
        serves, but not which it lacks.
        """
        if self.operations is not None:
            return _form(operation.method, operation.path) in self.operations
        if self.release is None:
            return None
        own = _numbers(self.release)
        is_old = operation.since is not None and own < _numbers(operation.since)
        is_new = operation.until is not None and own > _numbers(operation.until)
        return None if is_old or is_new else True


async def describe(url: str, fetch: Fetch) -> Portal:
    """Fetch the two documents in which a portal describes itself, and read them.

    What they lack, or have in another form, is None.

    Args:
        url: The root of the portal's API.
        fetch: Fetches a document.

    Raises:
        APIError: The portal fails, or refuses the API key.
        NetworkError: There is no answer, or only a part of it.
    """
    site, swagger = await _object("site/", fetch), await _object("swagger.json", fetch)
    title, release = site.get("title"), site.get("version")
    found = _RELEASE.fullmatch(release) if isinstance(release, str) else None
    return Portal(
        url,
        title if isinstance(title, str) else None,
        found[1] if found else None,
        _operations(swagger.get("paths")) or None,
    )


async def _object(path: str, fetch: Fetch) -> dict[str, Any]:
    try:
        content = parse(path, await fetch(path))
    except DecodeError:
        return {}
    except APIError as error:
        if error.status not in _ABSENT:
            raise
        return {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def _operations(paths: Any) -> frozenset[tuple[str, str]]:
    if not isinstance(paths, dict):
        return frozenset()
    return frozenset(
        _form(method.upper(), path)
        for path, item in cast("dict[str, Any]", paths).items()
        if isinstance(item, dict)
        for method in _METHODS & cast("dict[str, Any]", item).keys()
    )


def _form(method: str, path: str) -> tuple[str, str]:
    return method, re.sub(r"\{[^{}]*\}", "{}", path).rstrip("/")


def _numbers(release: str) -> tuple[int, ...]:
    (numbers,) = re.findall(r"^\d+(?:\.\d+)*", release)
    parts = [int(one) for one in numbers.split(".")]
    return (*parts[:3], *[0] * (3 - len(parts)))
