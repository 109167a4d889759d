"""Operations that a portal lacks: how its answers tell, and what their errors say about releases.

For an object that does not exist, the API of udata answers 404 with a ``message`` in JSON. Where it
has no route for a path, udata's router answers: 404 to a GET, as a web page or as JSON with an
``error`` and a ``status``, and 405 to anything else.
"""

from __future__ import annotations

import asyncio
import builtins
import json
from typing import TYPE_CHECKING, Any, cast

from attrs import define, field

from . import _http
from .errors import APIError, DataGouvError
from .operation import Operation

if TYPE_CHECKING:
    from .portal import Fetch, Portal

PATIENCE = 10.0
"""Seconds for which a call that has failed waits for what the portal says of itself."""


@define
class Known:
    """The findings of a client, and of those derived from it, about their portal.

    Attributes:
        bare: The names of the operations that it serves without the slash at the end of the path.
    """

    bare: set[str] = field(factory=set[str])
    _portal: Portal | None = None
    _knows_v2: bool = False
    _has_failed: bool = False
    _asking: asyncio.Lock = field(factory=asyncio.Lock)

    async def portal(self, url: str, fetch: Fetch) -> Portal:
        """Return the portal, which is asked only once."""
        async with self._asking:
            try:
                return await self._ask(2, url, fetch)
            except APIError:
                # A portal whose version 2 fails is known by its version 1.
                if self._portal is None:
                    raise
                return self._portal

    async def explain(
        self, operation: Operation, error: APIError, url: str, fetch: Fetch, seconds: float
    ) -> None:
        """Say in an error which releases serve an operation, unless this portal does.

        Args:
            operation: The operation that failed; see :func:`may_be_missing`.
            error: The error that the caller will get.
            url: The root of the portal.
            fetch: Asks the portal, if that has not been done yet.
            seconds: The time that the call has left.
        """
        version = operation.version
        if not self._knows(version) and not self._has_failed and seconds > 0:
            try:
                async with asyncio.timeout(min(seconds, PATIENCE)):
                    await self._ask_if_it_tells(version, url, fetch)
            except builtins.TimeoutError:
                # A call that had little time left says nothing about the portal.
                self._has_failed = self._has_failed or seconds >= PATIENCE
        text = _explanation(operation, self._portal)
        if text is not None:
            error.message = f"{text}: {error.message}"
            error.args = (error.message,)

    def _knows(self, version: int) -> bool:
        return self._knows_v2 if version == 2 else self._portal is not None

    async def _ask(self, version: int, url: str, fetch: Fetch) -> Portal:
        """Return the portal with what it says of a version, for which it is asked only once."""
        from .portal import describe, describe_v2  # Few programs need it.

        portal = self._portal
        if portal is None:
            portal = self._portal = await describe(url, fetch)
        if not self._knows(version):
            portal = self._portal = await describe_v2(portal, fetch)
            self._knows_v2 = True
        return portal

    async def _ask_if_it_tells(self, version: int, url: str, fetch: Fetch) -> None:
        """Ask the portal, unless it was asked before and has failed."""
        async with self._asking:
            if not self._has_failed:
                try:
                    await self._ask(version, url, fetch)
                except DataGouvError:
                    # The caller is to get the error of the call: that of this question only leaves
                    # the portal unknown, and it is not put again with each such error.
                    self._has_failed = True

    def may_be_bare(self, operation: Operation) -> bool:
        """Whether old portals may serve an operation without the slash, and it was not tried yet.

        Releases up to 10.4.3 do so: an operation that is newer has the slash everywhere. A path
        given to ``Client.request``, which belongs to no tag, is called as it is.
        """
        is_old = operation.since is None and bool(operation.tag)
        return is_old and operation.path.endswith("/") and operation.name not in self.bare


def json_object(content: bytes) -> dict[str, Any]:
    """The JSON object in the body of a failure; an empty one if there is none."""
    try:
        # As lenient as Python: a message with half of a surrogate pair is a message too.
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def is_unrouted(response: _http.Response) -> bool:
    """Whether a portal's router has answered that it has no route for the path and the method.

    It never answers without a body, as other servers do.
    """
    body = json_object(response.content)
    is_page = bool(response.content) and not body
    is_routers = is_page or ("status" in body and "message" not in body)
    return response.status_code in (404, 405) and is_routers


def is_of_the_api(response: _http.Response) -> bool:
    """Whether the API itself has refused a call, which shows that its path has a route."""
    return "message" in json_object(response.content)


def may_be_missing(operation: Operation, response: _http.Response, page: object) -> bool:
    """Whether a failure may mean that the portal does not serve the operation.

    Args:
        operation: The operation, which every release serves unless it says otherwise.
        response: The response, its body read.
        page: The page that was asked for: one past the end of a list is a 404 as well.
    """
    if operation.since is None and operation.until is None:
        return False
    if response.status_code == 405 or is_unrouted(response):
        return True
    # Without an object in the path, none can be missing: another operation has answered. Portals
    # without `/dataservices/suggest/` look for the dataservice "suggest".
    has_object = "{" in operation.path
    return response.status_code == 404 and not has_object and page in (None, 1)


def _explanation(operation: Operation, portal: Portal | None) -> str | None:
    serves = None if portal is None else portal.serves(operation)
    if serves:
        return None
    spans = {"since": operation.since, "until": operation.until}
    text = "udata serves it " + " and ".join(f"{word} {one}" for word, one in spans.items() if one)
    release = portal.release if portal is not None else None
    if serves is None:
        return text if release is None else f"{text}; this portal runs {release}"
    return f"{text}; this portal{f', which runs {release},' if release else ''} does not"
