"""The session: sends requests to a portal, and turns failures into this library's errors."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from .. import _http, errors
from .._http.urls import shown
from .._limits.gate import now
from .auth import ApiKey

_CLOSED = "the Client was closed during a call"

_TOO_SLOW = "the answer takes longer than max_time"

T = TypeVar("T")


class Session:
    """The connections to a portal, and everything that waits for them.

    It keeps no cookies and follows no redirects: the pipeline decides.
    """

    def __init__(
        self, portal: _http.URL, key: ApiKey, transport: _http.AsyncBaseTransport, user_agent: str
    ) -> None:
        self._portal = portal
        self._key = key
        self._client = _http.client_of(
            transport,
            user_agent=user_agent,
            secrets=lambda request: (
                key.headers(request.url, portal) if request.extensions["may_send_key"] else {}
            ),
            redact=key.redact,
        )
        self._waiting: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()
        self._closed = False

    async def aclose(self) -> None:
        """Close the connections; calls that wait for one fail."""
        self._closed = True
        # aiohttp never wakes up the readers of a connection that it closes.
        for waiting in self._waiting:
            waiting.reschedule(asyncio.get_running_loop().time())
        if self._waiting:
            self._idle.clear()
        else:
            self._idle.set()
        try:
            await self._idle.wait()
        finally:
            await self._client.aclose()

    def request(
        self,
        operation: str,
        method: str,
        url: _http.URL,
        *,
        timeout: _http.Timeout,
        max_time: float,
        may_send_key: bool,
        **options: Any,
    ) -> _http.Request:
        """Build a request from httpx's arguments."""
        # Errors read the operation's name from the request.
        extensions = {"operation": operation, "may_send_key": may_send_key, "seconds": max_time}
        return self._client.build_request(
            method, url, timeout=timeout, extensions=extensions, **options
        )

    @asynccontextmanager
    async def send(self, request: _http.Request) -> AsyncGenerator[_http.Response]:
        """Send a request; the caller reads the body of the response inside the context."""
        response = await self._translated(request, lambda: self._client.send(request, stream=True))
        _http.tidy_headers(response)
        try:
            yield response
        finally:
            await _http.close(response)

    async def read(self, response: _http.Response, most: float, *, is_cut: bool = False) -> None:
        """Read the body of a response; one of more than ``most`` bytes is refused, or cut."""
        _http.limit(response, most, is_cut=is_cut)
        try:
            await self._translated(response.request, response.aread)
        except _http.TooLongError:
            raise errors.DecodeError(
                f"more than {most:,} bytes",
                operation=response.request.extensions["operation"],
                path="the body",
                expected="an answer no longer than max_size",
            ) from None

    async def chunks(self, response: _http.Response) -> AsyncGenerator[bytes]:
        """Iterate over the body of a response as it arrives."""
        pieces = response.aiter_bytes()
        wait = partial(anext, pieces, None)
        while (chunk := await self._translated(response.request, wait)) is not None:
            yield chunk
            del chunk  # A traceback shows the local variables.

    async def until_closed(self, wait: Callable[[], Awaitable[T]]) -> T:
        """Await something, unless the client is closed meanwhile.

        Raises:
            RuntimeError: The client was closed.
        """
        if self._closed:
            raise RuntimeError(_CLOSED)
        try:
            async with asyncio.timeout(None) as waiting:
                self._waiting.add(waiting)
                try:
                    return await wait()
                finally:
                    self._waiting.discard(waiting)
                    if not self._waiting:
                        self._idle.set()
        except TimeoutError:
            if self._closed:
                raise RuntimeError(_CLOSED) from None
            raise

    async def _translated(self, request: _http.Request, wait: Callable[[], Awaitable[T]]) -> T:
        """Await the HTTP libraries while there is time, and translate their errors."""
        seconds, started = request.extensions["seconds"], now()
        limit = asyncio.timeout(None if seconds == math.inf else seconds)
        try:
            async with limit:
                return await self.until_closed(wait)
        except Exception as error:
            if self._closed:
                raise RuntimeError(_CLOSED) from None
            if not isinstance(error, _http.FAILURES):
                raise
            failure = _http.failure_of(TimeoutError(_TOO_SLOW) if limit.expired() else error)
            # The libraries quote a broken answer, which may echo the request.
            failure.args = (self._key.redact(str(failure).encode(errors="replace")).decode(),)
        finally:
            # A stream is waited for several times; the time of its reader does not count.
            request.extensions["seconds"] = seconds - (now() - started)
        kind = errors.TimeoutError if failure.timed_out else errors.NetworkError
        if failure.is_final:
            kind = errors.UnreachableError
        raise kind(
            str(failure),
            operation=request.extensions["operation"],
            method=request.method,
            url=shown(request.url, self._portal),
            is_sent=failure.is_sent,
        )
