"""Requests and responses: httpx's own, made and read without its client, which costs more."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from httpx import URL, ByteStream, Request, Response

from .coding import CODINGS


def headers_of(user_agent: str) -> dict[str, str]:
    """The headers of every request of a client."""
    return {
        "Connection": "keep-alive",
        "User-Agent": user_agent,
        "Accept-Encoding": ", ".join(CODINGS),
    }


def request_of(
    method: str, url: URL, headers: Mapping[str, str], extensions: dict[str, Any], **body: Any
) -> Request:
    """Build a request; the body is given by httpx's arguments."""
    if method != "GET" or body:
        return Request(method, url, headers=headers, extensions=extensions, **body)
    # httpx looks for a body and its headers, which takes longer than all the rest.
    named = {"Host": url.netloc.decode(), **headers}
    request = Request(method, url, headers=named, extensions=extensions, stream=ByteStream(b""))
    request.read()
    return request


async def read(response: Response, most: float, *, is_cut: bool = False) -> None:
    """Read the body of a response; see :meth:`aiodatagouv._http.shield.Body.read`."""
    body = response.extensions["body"]
    response.stream = ByteStream(await body.read(most, is_cut=is_cut))
    response.read()
    response.elapsed = body.elapsed


async def close(response: Response) -> None:
    """Close a response, whether it was read or not."""
    body = response.extensions["body"]
    await response.aclose()
    await body.aclose()
    response.elapsed = body.elapsed


def without_body(response: Response) -> Response:
    """Copy a response whose body could not be read."""
    return _copy(response, response.headers.raw, b"")


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


def _copy(response: Response, headers: list[tuple[bytes, bytes]], content: bytes) -> Response:
    # The copy has the decoded body.
    framing = {b"content-encoding", b"content-length", b"transfer-encoding"}
    headers = [(name, value) for name, value in headers if name.lower() not in framing]
    status, request = response.status_code, response.request
    copy = Response(status, headers=headers, content=content, request=request)
    with contextlib.suppress(RuntimeError):  # Raised while the body has not been read.
        copy.elapsed = response.elapsed
    return copy
