"""The only module that imports an HTTP library: httpx for the interface, aiohttp for the sockets.

httpx over aiohttp is several times faster than httpx alone under concurrency, and its pool survives
cancelled requests.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx import URL, AsyncBaseTransport, Request, Response, Timeout
from httpx_aiohttp import AiohttpTransport

from .auth import shown
from .errors import NetworkError, TimeoutError

_FAILURES = (
    httpx.HTTPError,
    aiohttp.ClientError,
    builtins.TimeoutError,
    httpx.InvalidURL,  # Where a redirect leads.
    UnicodeError,  # A host or a status line that cannot be written.
)

T = TypeVar("T")

REDIRECTS = frozenset({301, 302, 303, 307, 308})

__all__ = [
    "REDIRECTS",
    "URL",
    "AsyncBaseTransport",
    "Request",
    "Response",
    "Session",
    "Timeout",
    "join",
    "parse_url",
    "rewritten",
]


def parse_url(text: str) -> URL:
    """Parse an absolute http(s) URL.

    Raises:
        ValueError: It is not one.
    """
    try:
        url = URL(text)
    except httpx.InvalidURL as error:
        raise ValueError(f"not a URL: {text!r} ({error})") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"not an http or https URL: {text!r}")
    return url


def join(url: URL, location: str) -> URL:
    """The address that a ``Location`` header means.

    Raises:
        ValueError: It is no http(s) address.
    """
    try:
        return parse_url(str(url.join(location)))
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ValueError(f"not a URL: {location!r} ({error})") from error


class Session:
    """The connections to a portal, and all that waits for them.

    It keeps no cookies and follows no redirects: the pipeline decides.
    """

    def __init__(
        self,
        *,
        portal: URL,
        transport: AsyncBaseTransport | None,
        max_connections: int,
        user_agent: str,
    ) -> None:
        self._client = httpx.AsyncClient(
            transport=transport or _default_transport(portal, max_connections),
            headers={"User-Agent": user_agent},
            # The portal's session cookie would make later calls answer as the first key's owner.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
        )
        self._portal = portal
        self._waiting: set[asyncio.Timeout] = set()
        self._closed = False

    async def aclose(self) -> None:
        """Close the connections; what waits for one fails."""
        self._closed = True
        # aiohttp leaves those who read from a connection that it closes waiting for ever.
        for waiting in self._waiting:
            waiting.reschedule(asyncio.get_running_loop().time())
        while self._waiting:
            await asyncio.sleep(0)
        await self._client.aclose()

    def request(
        self, operation: str, method: str, url: URL, *, timeout: Timeout, **options: Any
    ) -> Request:
        """Make a request: ``options`` are httpx's ``headers``, ``json``, ``files`` and ``data``."""
        # The operation is there for whoever has the request, errors above all.
        extensions = {"operation": operation}
        return self._client.build_request(
            method, url, timeout=timeout, extensions=extensions, **options
        )

    @asynccontextmanager
    async def send(self, request: Request, secrets: Mapping[str, str]) -> AsyncGenerator[Response]:
        """Send a request; the body of the answer is still to be read, and closed on the way out.

        Args:
            request: What to send.
            secrets: Headers that are sent with it, and that nothing keeps afterwards: no error,
                log or pickle of the request or its answer.
        """
        request.headers.update(secrets)
        try:
            response = await self._wait(request, self._client.send(request, stream=True))
        finally:
            for name in secrets:
                request.headers.pop(name, None)
        response.next_request = None  # httpx's idea of where to go next, secrets included.
        # The portal's session is as good as the key, and not for those who only get an error.
        response.headers.pop("Set-Cookie", None)
        try:
            yield response
        finally:
            await response.aclose()

    async def read(self, response: Response) -> bytes:
        """The whole body of an answer."""
        return await self._wait(response.request, response.aread())

    async def chunks(self, response: Response) -> AsyncGenerator[bytes]:
        """The body of an answer as it arrives."""
        pieces = response.aiter_bytes()
        while chunk := await self._wait(response.request, anext(pieces, b"")):
            yield chunk

    async def _wait(self, request: Request, awaitable: Awaitable[T]) -> T:
        """Wait for the HTTP libraries, and turn their errors into this library's."""
        try:
            async with asyncio.timeout(None) as waiting:
                self._waiting.add(waiting)
                try:
                    return await awaitable
                finally:
                    self._waiting.discard(waiting)
        except asyncio.CancelledError as error:
            # Without the libraries' frames, whose local variables hold the secrets.
            raise error.with_traceback(None) from None
        except Exception as error:
            failure = self._failure(request, error)
            if failure is None:
                raise
        # Out of the except clause, so that it does not carry the library's error along: that one
        # holds the request as it was sent, with its secrets.
        raise failure

    def _failure(self, request: Request, error: Exception) -> Exception | None:
        if self._closed:
            return RuntimeError("the Client was closed during a call")
        if not isinstance(error, _FAILURES):
            return None
        # httpx-aiohttp calls a broken connection a timeout; what aiohttp raised tells them apart.
        cause = error.__cause__ or error
        timed_out = isinstance(cause, builtins.TimeoutError | httpx.TimeoutException)
        kind = TimeoutError if timed_out else NetworkError
        words = str(error).strip() or ("timed out" if timed_out else type(cause).__name__)
        return kind(
            words,
            operation=request.extensions["operation"],
            method=request.method,
            url=shown(request.url, self._portal),
        )


def rewritten(response: Response, rewrite: Callable[[bytes], bytes]) -> Response:
    """An answer that has been read, with what it says rewritten."""
    content = rewrite(response.content)
    headers = [(name, rewrite(value)) for name, value in response.headers.raw]
    if content == response.content and headers == response.headers.raw:
        return response
    framing = {b"content-encoding", b"content-length", b"transfer-encoding"}
    headers = [(name, value) for name, value in headers if name.lower() not in framing]
    status, request = response.status_code, response.request
    return Response(status, headers=headers, content=content, request=request)


def _default_transport(portal: URL, max_connections: int) -> AsyncBaseTransport:
    context = httpx.create_ssl_context()
    # A proxy of the environment is for https alone, where it cannot read what passes.
    proxy = getproxies().get("https") if portal.scheme == "https" else None
    if proxy and proxy_bypass(portal.host):
        proxy = None

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=max_connections, ssl=context),
            cookie_jar=aiohttp.DummyCookieJar(),
            # Else a .netrc would add passwords of its own.
            trust_env=False,
        )

    return AiohttpTransport(
        verify=context, client=session, proxy=httpx.Proxy(proxy) if proxy else None
    )
