"""The HTTP client of a portal, and its responses."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
from httpx import AsyncBaseTransport, AsyncClient, Response

from .coding import CODINGS
from .shield import Redact, Secrets, Shield


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
        transport=Shield(transport, secrets, redact),
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


def length_of(response: Response) -> int | None:
    """The bytes of the decoded body of a response, as its head tells; None if it does not."""
    length = response.headers.get("Content-Length", "")
    is_plain = response.extensions["body"].coding == "identity"
    return int(length) if is_plain and length.isdecimal() else None


def has_end(response: Response) -> bool:
    """Whether a body that is cut off can be told from a whole one."""
    names = ("Content-Length", "Transfer-Encoding")
    is_plain = response.extensions["body"].coding == "identity"
    return not is_plain or any(name in response.headers for name in names)


def rewritten(response: Response, rewrite: Callable[[bytes], bytes]) -> Response:
    """Copy a response that has been read, with its body rewritten."""
    content = rewrite(response.content)
    if content == response.content:
        return response
    return _copy(response, response.headers.raw, content)


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
