"""The shield: keeps secrets below it, and makes bodies whole or an error."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from itertools import chain
from typing import TypeAlias, TypeVar

import httpx
from httpx import AsyncBaseTransport, Request, Response

from . import pieces
from .coding import Decoder
from .failures import FAILURES, TooLongError, failure_of

T = TypeVar("T")

Redact: TypeAlias = Callable[[bytes], bytes]
"""Removes secrets from what a peer has sent."""


class SecretHeaders(dict[str, str]):
    """Headers with a repr that hides them: tracebacks may show the local variables of a frame."""

    def __repr__(self) -> str:
        return f"<{len(self)} secret headers>"


Secrets: TypeAlias = Callable[[Request], Mapping[str, str]]
"""Returns the secret headers of a request."""


class Shield(AsyncBaseTransport):
    """A transport that adds secret headers to a copy of each request.

    Requests, responses, errors and frames above it never hold them.
    """

    def __init__(self, transport: AsyncBaseTransport, secrets: Secrets, redact: Redact) -> None:
        self._transport = transport
        self._secrets = secrets
        self._redact = redact

    async def handle_async_request(self, request: Request) -> Response:
        response = await shielded(self._send(request))
        headers = response.headers.raw
        head = b"\n".join(chain(*headers))
        if self._redact(head) != head:
            response.headers = httpx.Headers(
                [(self._redact(name), self._redact(value)) for name, value in headers]
            )
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
        coding: Its content coding, ``identity`` for none.
        is_cut: Whether to end a longer one there, instead of raising a :class:`TooLongError`.
    """

    most: float = math.inf
    is_cut = False

    def __init__(self, stream: object, coding: str) -> None:
        if not isinstance(stream, httpx.AsyncByteStream):
            raise TypeError("the transport answers with a stream that is not asynchronous")
        pieces.lengthen(stream)
        self._stream = stream
        self.coding = coding

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, chunks, decoder = 0, aiter(self._stream), Decoder(self.coding)
        while (chunk := await shielded(anext(chunks, None))) is not None:
            for piece in decoder.decode(chunk):
                size += len(piece)
                if size > self.most and not self.is_cut:
                    raise TooLongError
                yield piece
                if size > self.most:
                    return
        decoder.finish()

    async def aclose(self) -> None:
        await shielded(self._stream.aclose())


async def shielded(waiting: Awaitable[T]) -> T:
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
