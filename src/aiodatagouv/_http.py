"""The HTTP libraries: only this module and `_transport` import httpx and aiohttp.

httpx is the interface and aiohttp the sockets: httpx over aiohttp is several times faster than
httpx alone under concurrency, and its pool survives cancelled requests.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import math
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeAlias, TypeVar

import aiohttp
import httpx
from httpx import URL, AsyncBaseTransport, AsyncClient, Request, Response, Timeout

from ._coding import CODINGS, CodingError, Decoder

_NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
)
"""Errors that are raised before there is a connection."""

T = TypeVar("T")

__all__ = [
    "FAILURES",
    "URL",
    "AsyncBaseTransport",
    "AsyncClient",
    "Failure",
    "Request",
    "Response",
    "Timeout",
    "TooLongError",
    "client_of",
    "close",
    "failure_of",
    "join",
    "limit",
    "parse_url",
    "rewritten",
    "tidy_headers",
    "without_body",
]


class Failure(Exception):
    """A request that failed, without the libraries' own error, which holds the request as sent.

    Attributes:
        timed_out: Whether it took too long.
        is_final: Whether the same request would fail again: no such host, a bad certificate.
        is_sent: Whether the server may have received the request.
    """

    def __init__(self, message: str, *, timed_out: bool, is_final: bool, is_sent: bool) -> None:
        super().__init__(message)
        self.timed_out = timed_out
        self.is_final = is_final
        self.is_sent = is_sent


class TooLongError(Exception):
    """The body of a response is longer than it may be."""


FAILURES = (
    Failure,
    CodingError,
    httpx.HTTPError,
    aiohttp.ClientError,
    builtins.TimeoutError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    ValueError,  # Raised for a host or a status line that cannot be encoded, among others.
)
"""Every error by which the libraries say that a request failed."""

Secrets: TypeAlias = Callable[[Request], Mapping[str, str]]
"""Returns the secret headers of a request."""

Redact: TypeAlias = Callable[[bytes], bytes]
"""Removes secrets from what a peer has sent."""


def failure_of(error: Exception) -> Failure:
    """Describe one of :data:`FAILURES`."""
    if isinstance(error, Failure):
        return error
    # httpx-aiohttp calls a broken connection a timeout; the error of aiohttp tells them apart.
    cause = error.__cause__ or error
    timed_out = isinstance(cause, builtins.TimeoutError | httpx.TimeoutException)
    return Failure(
        str(error).strip() or ("timed out" if timed_out else type(cause).__name__),
        timed_out=timed_out,
        is_final=_is_final(cause),
        is_sent=not isinstance(cause, _NOT_SENT),
    )


def parse_url(text: str) -> URL:
    """Parse an absolute http(s) URL.

    Raises:
        ValueError: It is not one.
    """
    try:
        url = URL(text)
    except httpx.InvalidURL as error:
        raise ValueError(f"not a URL: {text!r} ({error})") from error
    # httpx escapes characters that no host has.
    if url.scheme not in ("http", "https") or not url.host or "%" in url.host:
        raise ValueError(f"not an http or https URL: {text!r}")
    return url


def join(url: URL, location: str) -> URL:
    """Resolve a reference, such as a ``Location`` header, against a URL.

    Raises:
        ValueError: The result is not a URL with a host.
    """
    try:
        target = url.join(location)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ValueError(f"not a URL: {location!r} ({error})") from error
    if not target.host:
        raise ValueError(f"not a URL with a host: {location!r}")
    return target


def client_of(
    transport: AsyncBaseTransport, *, user_agent: str, secrets: Secrets, redact: Redact
) -> AsyncClient:
    """Make the HTTP client of a portal: it keeps no cookies and follows no redirects.

    Args:
        transport: Sends the requests.
        user_agent: The ``User-Agent`` header.
        secrets: Returns the headers that only the transport may see.
        redact: Removes these from the heads of responses, before httpx logs them.
    """
    return AsyncClient(
        transport=_SecretTransport(transport, secrets, redact),
        headers={"User-Agent": user_agent, "Accept-Encoding": ", ".join(CODINGS)},
        # The portal's session cookie would authenticate later calls as the owner of the first key.
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        event_hooks={"response": [_hide_location]},
    )


def tidy_headers(response: Response) -> None:
    """Put the ``Location`` of a response back, and drop its session cookie."""
    if "location" in response.extensions:
        response.headers["Location"] = response.extensions.pop("location")
    # A session is as good as the key, and whoever gets an error may read its headers.
    response.headers.pop("Set-Cookie", None)


async def close(response: Response) -> None:
    """Close a response, and let go of its stream."""
    await response.aclose()
    # It refers back to the response: bodies would stay in memory until cycles are collected.
    response.stream = httpx.ByteStream(b"")


def without_body(response: Response) -> Response:
    """Copy a response whose body could not be read."""
    return _copy(response, response.headers.raw, b"")


def limit(response: Response, most: float, *, is_cut: bool = False) -> None:
    """Limit the body of a response that is still to be read; see :class:`TooLongError`."""
    body = response.extensions["body"]
    body.most, body.is_cut = most, is_cut


def rewritten(response: Response, rewrite: Callable[[bytes], bytes]) -> Response:
    """Copy a response that has been read, with its body and headers rewritten."""
    content = rewrite(response.content)
    headers = [(name, rewrite(value)) for name, value in response.headers.raw]
    if content == response.content and headers == response.headers.raw:
        return response
    return _copy(response, headers, content)


class _SecretTransport(AsyncBaseTransport):
    """A transport that adds secret headers to a copy of each request.

    Requests, responses, errors and frames above it never hold them.
    """

    def __init__(self, transport: AsyncBaseTransport, secrets: Secrets, redact: Redact) -> None:
        self._transport = transport
        self._secrets = secrets
        self._redact = redact

    async def handle_async_request(self, request: Request) -> Response:
        response = await _shielded(self._send(request))
        headers = [(name, self._redact(value)) for name, value in response.headers.raw]
        response.headers = httpx.Headers(headers)
        for name in ("reason_phrase", "http_version"):
            if isinstance(text := response.extensions.get(name), bytes):
                response.extensions[name] = self._redact(text)
        # Decoded here: httpx takes a body that is cut off for a whole one.
        coding = response.headers.pop("Content-Encoding", "identity").strip().lower()
        response.extensions["body"] = response.stream = _Body(response.stream, coding)
        return response

    async def _send(self, request: Request) -> Response:
        headers = [*request.headers.raw]
        headers += [(name.encode(), one.encode()) for name, one in self._secrets(request).items()]
        sent = Request(
            request.method,
            request.url,
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        if isinstance(request.stream, httpx.ByteStream):  # Else it would be sent in chunks.
            sent.read()
        return await self._transport.handle_async_request(sent)

    async def aclose(self) -> None:
        await self._transport.aclose()


class _Body(httpx.AsyncByteStream):
    """The decoded body of a response, whose errors do not hold the request as sent.

    Attributes:
        most: The most bytes that it may have.
        is_cut: Whether to end a longer one there, instead of raising a :class:`TooLongError`.
    """

    most: float = math.inf
    is_cut = False

    def __init__(self, stream: object, coding: str) -> None:
        if not isinstance(stream, httpx.AsyncByteStream):
            raise TypeError("the transport answers with a stream that is not asynchronous")
        self._stream = stream
        self._coding = coding

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, chunks, decoder = 0, aiter(self._stream), Decoder(self._coding)
        while (chunk := await _shielded(anext(chunks, None))) is not None:
            for piece in decoder.decode(chunk):
                size += len(piece)
                if size > self.most and not self.is_cut:
                    raise TooLongError
                yield piece
                if size > self.most:
                    return
        decoder.finish()

    async def aclose(self) -> None:
        await _shielded(self._stream.aclose())


async def _shielded(waiting: Awaitable[T]) -> T:
    """Await the transport; replace its errors by a :class:`Failure`, or cut their frames off."""
    failure: BaseException
    handled = sys.exception()  # The caller's own, which is left as it is.
    try:
        return await waiting
    except FAILURES as error:
        failure = failure_of(error)
    except (Exception, asyncio.CancelledError) as error:
        failure = error
    del waiting
    # Outside of the except clause: else the original error would become the context.
    cause: BaseException | None = failure
    while cause is not None and cause is not handled:
        cause.__traceback__ = None
        cause = cause.__cause__ or cause.__context__
    try:
        raise failure
    finally:  # An error and its frames keep each other alive.
        del failure, handled


def _is_final(cause: BaseException) -> bool:
    if isinstance(cause, aiohttp.ClientConnectorError):
        cause = cause.os_error
    is_unknown = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
    return is_unknown or isinstance(cause, ssl.SSLCertVerificationError)


async def _hide_location(response: Response) -> None:
    # Else httpx builds the next request, and fails on a URL that it cannot parse.
    if "Location" in response.headers:
        response.extensions["location"] = response.headers.pop("Location")


def _copy(response: Response, headers: list[tuple[bytes, bytes]], content: bytes) -> Response:
    # The copy has the decoded body.
    framing = {b"content-encoding", b"content-length", b"transfer-encoding"}
    headers = [(name, value) for name, value in headers if name.lower() not in framing]
    status, request = response.status_code, response.request
    copy = Response(status, headers=headers, content=content, request=request)
    with contextlib.suppress(RuntimeError):  # Raised while the body has not been read.
        copy.elapsed = response.elapsed
    return copy
