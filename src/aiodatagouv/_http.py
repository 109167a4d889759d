"""The only module that imports an HTTP library: httpx for the interface, aiohttp for the sockets.

httpx over aiohttp is several times faster than httpx alone under concurrency, and its pool survives
cancelled requests.
"""

from __future__ import annotations

import asyncio
import builtins
import socket
import ssl
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
import yarl
from httpx import URL, AsyncBaseTransport, Request, Response, Timeout
from httpx_aiohttp import AiohttpTransport

from .auth import shown
from .errors import NetworkError, TimeoutError, UnreachableError

_FAILURES = (
    httpx.HTTPError,
    aiohttp.ClientError,
    builtins.TimeoutError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    ValueError,  # A host or a status line that cannot be written, among others.
)

_NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
)
"""What happens before there is a connection."""

_CLOSED = "the Client was closed during a call"

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
    "without_body",
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
        ValueError: It is no address at some host.
    """
    try:
        target = url.join(location)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ValueError(f"not a URL: {location!r} ({error})") from error
    if not target.host:
        raise ValueError(f"not a URL of a host: {location!r}")
    return target


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
            event_hooks={"response": [_hide_location]},
        )
        self._portal = portal
        self._waiting: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()
        self._closed = False

    async def aclose(self) -> None:
        """Close the connections; what waits for one fails."""
        self._closed = True
        # aiohttp leaves those who read from a connection that it closes waiting for ever.
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
            response = await self._wait(request, lambda: self._client.send(request, stream=True))
        finally:
            for name in secrets:
                request.headers.pop(name, None)
        if "location" in response.extensions:
            response.headers["Location"] = response.extensions.pop("location")
        # The portal's session is as good as the key, and not for those who only get an error.
        response.headers.pop("Set-Cookie", None)
        try:
            yield response
        finally:
            await response.aclose()
            # It leads back to the response: bodies would stay in memory until cycles are collected.
            response.stream = httpx.ByteStream(b"")

    async def read(self, response: Response) -> bytes:
        """The whole body of an answer."""
        return await self._wait(response.request, response.aread)

    async def chunks(self, response: Response) -> AsyncGenerator[bytes]:
        """The body of an answer as it arrives."""
        pieces = response.aiter_bytes()
        while chunk := await self._wait(response.request, lambda: anext(pieces, b"")):
            yield chunk

    async def until_closed(self, wait: Callable[[], Awaitable[T]]) -> T:
        """Wait for something, unless the client is closed.

        Raises:
            RuntimeError: It was.
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
        except builtins.TimeoutError:
            if self._closed:
                raise RuntimeError(_CLOSED) from None
            raise

    async def _wait(self, request: Request, wait: Callable[[], Awaitable[T]]) -> T:
        """Wait for the HTTP libraries, and turn their errors into this library's."""
        failure: BaseException
        handled = sys.exception()
        try:
            return await self.until_closed(wait)
        except Exception as error:
            failure = self._failure(request, error)
        except asyncio.CancelledError as error:
            failure = error
        # Out of the except clause, so that it does not carry the libraries' error along: that one
        # holds the request as it was sent, and its frames the secrets.
        try:
            raise _without_frames(failure, handled)
        finally:  # An error and the frames that it came through keep each other alive.
            del failure, handled

    def _failure(self, request: Request, error: Exception) -> Exception:
        if self._closed:
            return RuntimeError(_CLOSED)
        if not isinstance(error, _FAILURES):
            return error
        # httpx-aiohttp calls a broken connection a timeout; what aiohttp raised tells them apart.
        cause = error.__cause__ or error
        timed_out = isinstance(cause, builtins.TimeoutError | httpx.TimeoutException)
        kind = TimeoutError if timed_out else NetworkError
        if _is_final(cause):
            kind = UnreachableError
        words = str(error).strip() or ("timed out" if timed_out else type(cause).__name__)
        return kind(
            words,
            operation=request.extensions["operation"],
            method=request.method,
            url=shown(request.url, self._portal),
            is_sent=not isinstance(cause, _NOT_SENT),
        )


def _is_final(cause: BaseException) -> bool:
    """Whether connecting fails in a way that will stay."""
    if isinstance(cause, aiohttp.ClientConnectorError):
        cause = cause.os_error
    is_unknown = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
    return is_unknown or isinstance(cause, ssl.SSLCertVerificationError)


def _without_frames(error: BaseException, handled: BaseException | None) -> BaseException:
    """An error, and what led to it, without the frames that they came through.

    Args:
        error: The error.
        handled: What the caller was handling already, which is left as it is.
    """
    before: BaseException | None = error
    while before is not None and before is not handled:
        before.__traceback__ = None
        before = before.__cause__ or before.__context__
    return error


async def _hide_location(response: Response) -> None:
    # Else httpx builds the next request, with the secrets, and fails on an address that it cannot
    # parse.
    if "Location" in response.headers:
        response.extensions["location"] = response.headers.pop("Location")


def without_body(response: Response) -> Response:
    """An answer whose body has not come."""
    return _copy(response, response.headers.raw, b"")


def rewritten(response: Response, rewrite: Callable[[bytes], bytes]) -> Response:
    """An answer that has been read, with what it says rewritten."""
    content = rewrite(response.content)
    headers = [(name, rewrite(value)) for name, value in response.headers.raw]
    if content == response.content and headers == response.headers.raw:
        return response
    return _copy(response, headers, content)


def _copy(response: Response, headers: list[tuple[bytes, bytes]], content: bytes) -> Response:
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
            middlewares=(_quote_question_marks,),
        )

    return AiohttpTransport(
        verify=context, client=session, proxy=httpx.Proxy(proxy) if proxy else None
    )


async def _quote_question_marks(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    # aiohttp writes those of a query as they are, which udata 14.13.0 takes for a second query.
    url = request.url
    if "?" in url.raw_query_string:
        request.url = yarl.URL.build(
            scheme=url.scheme,
            authority=url.raw_authority,
            path=url.raw_path,
            query_string=url.raw_query_string.replace("?", "%3F"),
            encoded=True,
        )
    return await send(request)
