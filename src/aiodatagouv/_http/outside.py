"""The connections to other hosts than the portal: without the key, cookies and its limits."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from ipaddress import ip_address
from typing import Any, TypeVar

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx import URL, AsyncBaseTransport, Request, Response, Timeout
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream

from . import pieces
from .addresses import is_public
from .coding import Decoder
from .failures import FAILURES, Failure
from .proxied import ProxiedTransport, watch
from .proxies import Proxy
from .replacement import replacement
from .shield import shielded
from .trust import default_context

T = TypeVar("T")


class PrivateAddressError(Exception):
    """A host is, or has, an address that is not one of the internet. Nothing was sent there."""


class _RefusedError(OSError):
    """The same, as aiohttp passes it on."""


class Answer:
    """The answer of a host, whose body is still to be read.

    Attributes:
        status: The HTTP status.
        headers: The headers.
        is_coded: Whether the body is compressed.
        size: The bytes of the body as it is sent; None if the host does not tell.
        received: The bytes of the body that have arrived, as it is sent.
    """

    def __init__(self, response: Response, idle: float | None) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        coding = response.headers.get("Content-Encoding", "").strip().lower() or "identity"
        self.is_coded = coding != "identity"
        self.size = _number(response.headers.get("Content-Length"))
        self.received = 0
        self._response = response
        self._coding = coding
        self._idle = idle

    async def chunks(self) -> AsyncIterator[bytes]:
        """Iterate over the body as it arrives, decompressed.

        Raises:
            Failure: The body breaks off, or nothing arrives for too long.
            CodingError: It is damaged, or in a coding that was not asked for.
        """
        stream = self._response.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            raise TypeError("the transport answers with a stream that is not asynchronous")
        pieces.lengthen(stream)
        chunks, decoder = aiter(stream), Decoder(self._coding)
        failure: Failure | None = None
        while failure is None:
            chunk: bytes | None
            try:
                chunk = await _in_time(lambda: anext(chunks, None), self._idle)
            except Failure as error:
                chunk, failure = _rest(stream), error
            if chunk is None:
                break
            self.received += len(chunk)
            for piece in decoder.decode(chunk):
                yield piece
            del chunk
        if failure is not None:
            raise failure
        decoder.finish()
        if self.size is not None and self.received != self.size:
            problem = f"the answer breaks off after {self.received:,} of {self.size:,} bytes"
            raise Failure(problem, timed_out=False, is_final=False, is_sent=True)


class Outside:
    """The connections to other hosts, which are made when they are needed.

    Args:
        user_agent: The ``User-Agent`` header.
        proxy: The proxy that the caller or the environment names.
        context: The TLS context; None for the default authorities.
        transport: Sends all requests instead, and is closed by its owner. It resolves names itself:
            as with a proxy, the addresses of a name are not checked.
    """

    def __init__(
        self,
        user_agent: str,
        *,
        proxy: Proxy | None = None,
        context: ssl.SSLContext | None = None,
        transport: AsyncBaseTransport | None = None,
    ) -> None:
        self._headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        self._proxy = proxy
        self._given_context = context
        self._given = transport
        self._sessions: list[aiohttp.ClientSession] = []

    @asynccontextmanager
    async def get(
        self, url: URL, headers: Mapping[str, str], *, timeout: Timeout, allow_private: bool
    ) -> AsyncGenerator[Answer]:
        """Send a request; its answer is read inside the context. Redirects are not followed.

        Args:
            url: The address.
            headers: Further headers.
            timeout: Seconds to connect, and seconds without any byte.
            allow_private: Whether the host may have an address that is not one of the internet.

        Raises:
            PrivateAddressError: It has one, and may not.
            Failure: There is no answer.
        """
        transport = self._transport(url, allow_private=allow_private)

        def send() -> Awaitable[Response]:
            # Not a local variable of this function: a transport may add a proxy's password to it.
            request = Request(
                "GET",
                url,
                headers={**self._headers, **headers},
                extensions={"timeout": timeout.as_dict()},
            )
            return transport.handle_async_request(request)

        # A host could announce its answer again and again, or send its head byte by byte.
        limits = (timeout.connect, timeout.read)
        longest = None if None in limits else sum(one or 0 for one in limits)
        response = await _in_time(send, longest)
        try:
            yield Answer(response, timeout.read)
        finally:
            await shielded(response.aclose())

    async def aclose(self) -> None:
        """Close the connections."""
        sessions, self._sessions = self._sessions, []
        for session in sessions:
            await session.close()

    def _transport(self, url: URL, *, allow_private: bool) -> AsyncBaseTransport:
        given = self._given or replacement()
        if given is not None:
            return given
        direct = self._open if allow_private else self._guarded
        proxy = self._proxy
        # As for portals, the environment's proxy is only used for https.
        if not proxy or not (proxy.is_given or url.scheme == "https"):
            return direct
        if proxy.problem:
            raise ValueError(f"{proxy.name}: {proxy.problem}")
        # It may be on this network itself.
        return ProxiedTransport(proxy, direct, self._context, lambda: self._open_session)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._given_context or default_context()

    @cached_property
    def _guarded(self) -> AsyncBaseTransport:
        session = self._session(resolver=_Guard(), socket_factory=_guarded_socket)
        return AiohttpTransport(verify=self._context, client=session)

    @cached_property
    def _open_session(self) -> aiohttp.ClientSession:
        return self._session()

    @cached_property
    def _open(self) -> AsyncBaseTransport:
        return AiohttpTransport(verify=self._context, client=self._open_session)

    def _session(self, **options: Any) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._context, **options),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            read_bufsize=pieces.LONGEST,  # Received ahead of the reader.
            trace_configs=[watch()] if self._proxy else [],
        )
        self._sessions.append(session)
        return session


class _Guard(AbstractResolver):
    """Resolves names, unless one of their addresses is not of the internet."""

    def __init__(self) -> None:
        self._resolver = aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            _check(one["host"])
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _guarded_socket(info: tuple[Any, ...]) -> socket.socket:
    """Make a socket for an address, however it was found: the last check before the connection."""
    family, kind, protocol, _, address = info
    _check(address[0])
    return socket.socket(family, kind, protocol)


def _check(address: str) -> None:
    if not is_public(ip_address(address)):
        raise _RefusedError(address)


def _rest(stream: httpx.AsyncByteStream) -> bytes:
    """The bytes that were received before a connection broke."""
    if not isinstance(stream, AiohttpResponseStream):
        return b""
    content: Any = stream._aiohttp_response.content
    content.set_exception(None)  # aiohttp would raise the error first, and never return them.
    rest: bytes = content.read_nowait()
    return rest


async def _in_time(wait: Callable[[], Awaitable[T]], seconds: float | None) -> T:
    """Await a transport, which may take some time; replace its errors."""

    async def limited() -> T:
        refused = ""
        try:
            async with asyncio.timeout(seconds):
                return await wait()
        except FAILURES as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, _RefusedError):
                cause = cause.__cause__
            if cause is None:
                raise
            refused = str(cause)
        raise PrivateAddressError(refused)

    return await shielded(limited())


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
