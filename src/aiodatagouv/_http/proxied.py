"""The transport through a proxy, whose failures are told as such."""

from __future__ import annotations

import builtins
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus

import aiohttp
import httpx
from httpx import AsyncBaseTransport, Request, Response
from httpx_aiohttp import AiohttpTransport

from .failures import Failure, cause_of, failure_of, os_error_of, reason_of
from .proxies import Proxy

_BUSY = frozenset({429, 502, 503, 504})
"""The statuses of a proxy after which it may connect the next time."""


class ProxiedTransport(AsyncBaseTransport):
    """A transport through a proxy, except to the hosts that need none."""

    def __init__(
        self,
        proxy: Proxy,
        direct: AsyncBaseTransport,
        context: ssl.SSLContext,
        session: Callable[[], aiohttp.ClientSession],
    ) -> None:
        self._proxy = proxy
        self._direct = direct
        # Not as its `auth`, which aiohttp shows in the repr of a connection.
        self._headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {}
        self._proxied = AiohttpTransport(
            verify=context, client=session, proxy=httpx.Proxy(proxy.url, headers=self._headers)
        )

    async def handle_async_request(self, request: Request) -> Response:
        url = request.url
        if not self._proxy.serves(url.raw_host.decode(), url.port or 443):
            return await self._direct.handle_async_request(request)
        if url.scheme == "http":  # Else the headers of the tunnel are those of the proxy.
            request.headers.update(self._headers)
        request.extensions = {**request.extensions, "timeout": _limited(request)}
        stage = _Stage()
        _stage.set(stage)
        try:
            response = await self._proxied.handle_async_request(request)
        except (httpx.HTTPError, aiohttp.ClientError, OSError, ValueError) as error:
            if not stage.is_connecting:
                raise
            failure = _failure_of_proxy(self._proxy, cause_of(error))
        else:
            if url.scheme == "https" or response.status_code != 407:
                return response
            await response.aclose()
            failure = _answered(self._proxy, response.status_code)
        # Outside of the except clause: aiohttp's error has the proxy's password.
        raise failure

    async def aclose(self) -> None:
        await self._direct.aclose()
        await self._proxied.aclose()


class _Stage:
    """The stage of a request: whether its connection is being made."""

    is_connecting = False


_stage = ContextVar[_Stage]("stage")
"""The stage of this task's request through a proxy."""


def watch() -> aiohttp.TraceConfig:
    """Keep :data:`_stage` up to date: errors do not say whether the proxy or the portal failed."""

    async def begin(*_: object) -> None:
        if stage := _stage.get(None):
            stage.is_connecting = True

    async def end(*_: object) -> None:
        if stage := _stage.get(None):
            stage.is_connecting = False

    config = aiohttp.TraceConfig()
    config.on_connection_create_start.append(begin)
    config.on_connection_create_end.append(end)
    return config


def _limited(request: Request) -> dict[str, float | None]:
    """The timeouts of a request; aiohttp waits for a proxy's answer only as long as for a pool."""
    timeout: dict[str, float | None] = request.extensions.get("timeout", {})
    connect, read = timeout.get("connect"), timeout.get("read")
    if connect is None or read is None:
        return timeout
    return {**timeout, "pool": connect + read}


def _answered(proxy: Proxy, status: int) -> Failure:
    """A proxy's refusal, without its own words: it may echo the password."""
    phrases = {one.value: one.phrase for one in HTTPStatus}
    return Failure(
        f"the proxy {proxy.address} answered {status} {phrases.get(status, '')}".rstrip(),
        timed_out=False,
        is_final=status not in _BUSY,
        is_sent=False,
    )


def _failure_of_proxy(proxy: Proxy, error: Exception) -> Failure:
    """Describe a failure to connect through a proxy."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _answered(proxy, error.status)
    problem, timed_out = "did not answer with HTTP", False
    if isinstance(error, aiohttp.ClientConnectorError):
        is_of_proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
        if not is_of_proxy and (error.host, error.port) != (proxy.host, proxy.port):
            return failure_of(error)  # The portal's, behind the proxy.
        problem = f"cannot be reached: {reason_of(os_error_of(error))}"
    elif isinstance(error, builtins.TimeoutError):
        problem, timed_out = "did not connect in time", True
    elif isinstance(error, OSError | aiohttp.ServerDisconnectedError):
        problem = "closed the connection"
    return Failure(
        f"the proxy {proxy.address} {problem}",
        timed_out=timed_out,
        is_final=failure_of(error).is_final,
        is_sent=False,
    )
