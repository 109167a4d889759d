"""Transports without a network: one that answers from memory, and one that refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Literal, TypeAlias

import httpx
from attrs import field, frozen
from httpx import AsyncBaseTransport, Request, Response

Cut: TypeAlias = Literal["head", "body"]
"""The part of an answer that the connection closes in."""


@frozen
class Reply:
    """An answer in memory.

    Attributes:
        status: The HTTP status.
        headers: The headers.
        content: The body.
        delay: Seconds until the answer begins.
        cut: The part that the connection closes in: before the head, or in the middle of the body.
    """

    status: int
    headers: Mapping[str, str] = field(factory=dict[str, str])
    content: bytes = b""
    delay: float = 0.0
    cut: Cut | None = None


class MemoryTransport(AsyncBaseTransport):
    """A transport that answers requests, whose bodies have been read, by a function."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self._answer = answer

    async def handle_async_request(self, request: Request) -> Response:
        await request.aread()
        reply = self._answer(request)
        if reply.delay:
            await _delay(reply.delay, request)
        if reply.cut == "head":
            raise httpx.RemoteProtocolError("the connection was closed before the answer")
        length = {"Content-Length": str(len(reply.content))}
        pieces = _Pieces(reply.content, is_cut=reply.cut == "body")
        return Response(reply.status, headers={**length, **reply.headers}, stream=pieces)


async def _delay(seconds: float, request: Request) -> None:
    longest = request.extensions.get("timeout", {}).get("read")
    if longest is not None and seconds > longest:
        await asyncio.sleep(longest)
        raise httpx.ReadTimeout(f"no answer within {longest:g} s")
    await asyncio.sleep(seconds)


class _Pieces(httpx.AsyncByteStream):
    """A body that arrives whole, or of which only the first half does."""

    def __init__(self, content: bytes, *, is_cut: bool) -> None:
        self._content = content
        self._is_cut = is_cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if not self._is_cut:
            yield self._content
            return
        yield self._content[: len(self._content) // 2]
        raise httpx.RemoteProtocolError("the connection was closed in the middle of the answer")


class RefusingTransport(AsyncBaseTransport):
    """A transport that raises an error for every request, and sends none."""

    def __init__(self, error: Callable[[str], Exception]) -> None:
        self._error = error

    async def handle_async_request(self, request: Request) -> Response:
        raise self._error(f"{request.method} {request.url.copy_with(query=None, userinfo=b'')}")
