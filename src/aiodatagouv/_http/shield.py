"""The shield: keeps secrets below it, and makes bodies whole or an error."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
import time
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
        started = time.perf_counter()
        response = await shielded(self._send(request))
        response.request = request
        # A session is as good as the key, and whoever gets an error may read its headers.
        if "Set-Cookie" in response.headers:
            del response.headers["Set-Cookie"]
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
        coding = "identity"
        if "Content-Encoding" in response.headers:
            coding = response.headers.pop("Content-Encoding").strip().lower()
        response.extensions["body"] = response.stream = Body(response.stream, coding, started)
        return response

    async def _send(self, request: Request) -> Response:
        sent = Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        for name, value in self._secrets(request).items():
            sent.headers[name] = value
        if isinstance(request.stream, httpx.ByteStream):  # Else it would be sent in chunks.
            sent.read()
        return await self._transport.handle_async_request(sent)

    async def aclose(self) -> None:
        await self._transport.aclose()


class Body(httpx.AsyncByteStream):
    """The decoded body of a response, whose errors do not hold the request as sent.

    Attributes:
        coding: Its content coding, ``identity`` for none.
        size: The bytes that have arrived, decoded.
    """

    def __init__(self, stream: object, coding: str, started: float) -> None:
        if not isinstance(stream, httpx.AsyncByteStream):
            raise TypeError("the transport answers with a stream that is not asynchronous")
        pieces.lengthen(stream)
        self._stream: httpx.AsyncByteStream | None = stream
        self.coding = coding
        self.size = 0
        self._started = started

    @property
    def elapsed(self) -> dt.timedelta:
        """The time since the request was sent."""
        return dt.timedelta(seconds=time.perf_counter() - self._started)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert self._stream is not None  # httpx reads no closed response.
        chunks, decoder = aiter(self._stream), Decoder(self.coding)
        while (chunk := await shielded(anext(chunks, None))) is not None:
            for piece in decoder.decode(chunk):
                self.size += len(piece)
                yield piece
        decoder.finish()

    async def read(self, most: float, *, is_cut: bool = False) -> bytes:
        """Read the whole body, and close it.

        Args:
            most: The most bytes that it may have.
            is_cut: Whether to end a longer one soon after, instead of refusing it.

        Raises:
            TooLongError: It is longer.
        """
        content = await shielded(self._whole(most, is_cut=is_cut))
        await self.aclose()
        return content

    async def _whole(self, most: float, *, is_cut: bool) -> bytes:
        assert self._stream is not None
        content, decoder = list[bytes](), Decoder(self.coding)
        async for chunk in self._stream:
            for piece in decoder.decode(chunk):
                self.size += len(piece)
                if self.size > most and not is_cut:
                    raise TooLongError
                content.append(piece)
                if self.size > most:
                    return b"".join(content)
        decoder.finish()
        return b"".join(content)

    async def aclose(self) -> None:
        if self._stream is not None:
            # aiohttp's own answer, which has the headers of the request, ends here.
            stream, self._stream = self._stream, None
            await shielded(stream.aclose())


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
