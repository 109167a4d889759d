"""The only module that imports an HTTP library: httpx for the interface, aiohttp for the sockets.

httpx over aiohttp is several times faster than httpx alone under concurrency, and its pool survives
cancelled requests.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeAlias

import aiohttp
import httpx
from httpx import URL, AsyncBaseTransport, AsyncClient, Request, Response, Timeout
from httpx_aiohttp import AiohttpTransport

from .errors import NetworkError, TimeoutError

Files: TypeAlias = Mapping[str, tuple[str, Any] | tuple[str, Any, str]]
"""The files of a form: field -> (name, content) or (name, content, media type)."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})

__all__ = [
    "REDIRECTS",
    "URL",
    "AsyncBaseTransport",
    "AsyncClient",
    "Files",
    "Request",
    "Response",
    "Timeout",
    "build_client",
    "parse_url",
    "send",
    "translated_errors",
]


def build_client(
    *, transport: AsyncBaseTransport | None, timeout: Timeout, max_connections: int, user_agent: str
) -> AsyncClient:
    """An httpx client that keeps no cookies and follows no redirects: the pipeline decides."""
    return AsyncClient(
        transport=transport or _default_transport(max_connections),
        timeout=timeout,
        headers={"User-Agent": user_agent},
        # The portal's session cookie would make every later call answer as the first key's owner.
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
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
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"not an http or https URL: {text!r}")
    return url


@asynccontextmanager
async def send(client: AsyncClient, request: Request) -> AsyncGenerator[Response]:
    """Send a request; the body of the answer is still to be read, and closed on the way out."""
    with translated_errors(request):
        response = await client.send(request, stream=True)
    try:
        yield response
    finally:
        await response.aclose()


@contextmanager
def translated_errors(request: Request) -> Generator[None]:
    """Turn the HTTP libraries' errors into this library's."""
    try:
        yield
    except (httpx.HTTPError, aiohttp.ClientError, builtins.TimeoutError) as error:
        # httpx-aiohttp calls a broken connection a timeout; what aiohttp raised tells them apart.
        cause = error.__cause__ or error
        timed_out = isinstance(cause, builtins.TimeoutError | httpx.TimeoutException)
        kind = TimeoutError if timed_out else NetworkError
        words = str(error) or ("timed out" if timed_out else type(cause).__name__)
        raise kind(f"{request.method} {request.url}: {words}") from error


def _default_transport(max_connections: int) -> AsyncBaseTransport:
    context = httpx.create_ssl_context()

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=max_connections, ssl=context),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=True,
        )

    return AiohttpTransport(verify=context, client=session)
