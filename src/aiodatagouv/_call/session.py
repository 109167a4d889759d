"""The session: sends requests to a portal, and turns failures into this library's errors."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import TypeVar

from .. import _http, errors
from .._http.urls import shown
from .._http.waits import Waits, closed
from .._limits.gate import now
from .auth import ApiKey
from .call import Call
from .options import Options
from .redirects import Hop

_too_slow = partial(TimeoutError, "the answer takes longer than max_time")

T = TypeVar("T")


class Session:
    """The connections to a portal, and everything that waits for them.

    It keeps no cookies and follows no redirects: the pipeline decides.
    """

    def __init__(
        self, portal: _http.URL, key: ApiKey, transport: _http.AsyncBaseTransport, user_agent: str
    ) -> None:
        self._portal = portal
        self._key = key
        self._headers = _http.headers_of(user_agent)
        self._transport = _http.Shield(
            transport,
            secrets=lambda request: (
                key.headers(request.url, portal) if request.extensions["may_send_key"] else {}
            ),
            redact=key.redact,
        )
        self.waits = Waits()
        """The waits of all calls, which end when it is closed."""

    async def aclose(self) -> None:
        """Close the connections; calls that wait for one fail."""
        try:
            # aiohttp never wakes up the readers of a connection that it closes.
            await self.waits.close()
        finally:
            await self._transport.aclose()

    def request(self, call: Call, hop: Hop, options: Options, files: ExitStack) -> _http.Request:
        """Build a request; the files that are opened for its body are closed by the stack."""
        extensions = {
            "timeout": options.timeout.as_dict(),
            # Errors read the operation's name from the request.
            "operation": call.operation.name,
            "may_send_key": hop.may_send_key,
            "seconds": options.max_time,
        }
        headers, body = {**self._headers, **call.headers()}, call.content(files)
        try:
            return _http.request_of(call.operation.method, hop.url, headers, extensions, **body)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"{call.operation.name}: the body cannot be sent: {error}") from None

    async def send(self, request: _http.Request) -> _http.Response:
        """Send a request; the body of the response is still to be read."""
        wait = partial(self._transport.handle_async_request, request)
        return await self._translated(request, wait)

    async def read(self, response: _http.Response, most: float, *, is_cut: bool = False) -> None:
        """Read the body of a response; one of more than ``most`` bytes is refused, or cut."""
        wait = partial(_http.read, response, most, is_cut=is_cut)
        try:
            await self._translated(response.request, wait)
        except _http.TooLongError:
            raise errors.DecodeError(
                f"more than {most:,} bytes",
                operation=response.request.extensions["operation"],
                path="the body",
                expected="an answer no longer than max_size",
            ) from None

    async def chunks(self, response: _http.Response) -> AsyncGenerator[bytes]:
        """Iterate over the body of a response as it arrives."""
        pieces = response.aiter_bytes()
        wait = partial(anext, pieces, None)
        while (chunk := await self._translated(response.request, wait)) is not None:
            yield chunk
            del chunk  # A traceback shows the local variables.

    async def _translated(self, request: _http.Request, wait: Callable[[], Awaitable[T]]) -> T:
        """Await the HTTP libraries while there is time, and translate their errors."""
        seconds, started = request.extensions["seconds"], now()
        try:
            with self.waits.until(started + seconds, _too_slow):
                return await wait()
        except Exception as error:
            if self.waits.are_closed:
                raise closed() from None
            if not isinstance(error, _http.FAILURES):
                raise
            failure = _http.failure_of(error)
            # The libraries quote a broken answer, which may echo the request.
            failure.args = (self._key.redact(str(failure).encode(errors="replace")).decode(),)
        finally:
            # A stream is waited for several times; the time of its reader does not count.
            request.extensions["seconds"] = seconds - (now() - started)
        kind = errors.TimeoutError if failure.timed_out else errors.NetworkError
        if failure.is_final:
            kind = errors.UnreachableError
        raise kind(
            str(failure),
            operation=request.extensions["operation"],
            method=request.method,
            url=shown(request.url, self._portal),
            is_sent=failure.is_sent,
        )
