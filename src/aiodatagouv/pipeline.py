"""The one way that every call goes: paced, sent, redirected, made again when that helps, logged."""

from __future__ import annotations

import asyncio
import builtins
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field, frozen

from . import _http, auth, errors, masks, redirects
from .limits import Limits, Turn, now
from .retry import Retry
from .types import File

if TYPE_CHECKING:
    from .operation import Call
    from .options import Options

_log = logging.getLogger("aiodatagouv")

T = TypeVar("T")


class _OutOfTimeError(Exception):
    """The next attempt would start too late."""


@define
class _Progress:
    """How far a call has come. Times are those of the event loop."""

    attempts: int = 0
    """How often it was sent."""
    failures: int = 0
    """How often it has failed, other than by a lock."""
    waited: float = 0.0
    since: float = field(factory=now)
    """Since when it waits to be sent."""
    failed: float | None = None
    """When it failed first."""
    locked: float | None = None
    """When it was refused first because the portal is locked."""
    latest: float | None = None
    """When it must be sent again, if at all."""

    def note(self, error: errors.DataGouvError) -> None:
        """Let an error say what it took."""
        error.attempts = self.attempts
        error.waited = self.waited + now() - self.since


@frozen
class Pipeline:
    """How calls reach a portal.

    Attributes:
        portal: The root of the portal's API.
        key: The key for it.
        session: The connections to it.
        limits: What keeps all calls from being too many for it.
        options: What the caller wants of them.
    """

    portal: _http.URL
    key: auth.ApiKey
    session: _http.Session
    limits: Limits
    options: Options

    async def request(self, call: Call, read: Callable[[_http.Response], T]) -> T:
        """Make a call, take in the whole answer, and read it."""
        progress = _Progress()

        async def whole() -> T:
            async with self._answer(call, progress) as response:
                await self.session.read(response)
            response = _http.rewritten(response, self.key.struck_out)
            self._hand_out(response)
            try:
                return read(response)
            except errors.DecodeError as error:
                error.response = response
                raise

        return await self._persist(call, progress, whole)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncGenerator[_http.Response]:
        """Make a call and leave the body of the answer to be read."""
        progress = _Progress()
        async with AsyncExitStack() as stack:

            async def begun() -> _http.Response:
                return await stack.enter_async_context(self._answer(call, progress))

            response = await self._persist(call, progress, begun)
            self._hand_out(response)
            yield response

    async def _persist(
        self, call: Call, progress: _Progress, make: Callable[[], Awaitable[T]]
    ) -> T:
        """Make a call until it succeeds or the policy gives up."""
        last: errors.DataGouvError | None = None
        try:
            while True:
                try:
                    return await make()
                except (errors.APIError, errors.DecodeError, errors.NetworkError) as error:
                    wait = self._wait(call, progress, error)
                    if wait is None:
                        raise
                    last = error
                except _OutOfTimeError:
                    assert last is not None
                    progress.note(last)
                    raise last from None
                self._tell(Retry(call.operation, last, progress.attempts, wait))
                await self.session.until_closed(partial(asyncio.sleep, wait))
        finally:
            last = None  # An error and the frames that it came through keep each other alive.

    def _wait(self, call: Call, progress: _Progress, error: errors.DataGouvError) -> float | None:
        """How many seconds to wait before another attempt, None to give up."""
        progress.note(error)
        is_refused = isinstance(error, errors.APIError) and error.response is None
        if not is_refused and not _can_be_repeated(call):
            return None
        policy = self.options.retry
        # The time of a lock is not that of other failures.
        if isinstance(error, errors.LockedError):
            since = progress.locked = now() if progress.locked is None else progress.locked
            progress.latest = since + policy.wait_for_unlock
        else:
            since = progress.failed = now() if progress.failed is None else progress.failed
            progress.latest = since + policy.deadline
            progress.failures += 1
        return policy.wait(
            call.operation,
            error,
            attempt=max(progress.failures, 1),
            elapsed=now() - since,
            jitter=random.random(),
        )

    @asynccontextmanager
    async def _answer(self, call: Call, progress: _Progress) -> AsyncGenerator[_http.Response]:
        """The answer to a call, wherever the portal redirects to, its body still to be read."""
        url = self._url(call)
        headers, content = _headers(call), _content(call)
        key = self.key
        for hops in count():
            sent = self._send(call, progress, url, key, is_hop=hops > 0, headers=headers, **content)
            async with sent as response:
                target = redirects.next_url(call.operation, response, self.portal, hops)
                if target is None:
                    if not _is_answer(call, response):
                        raise await self._failure(call, response)
                    yield response
                    return
            if not _can_be_repeated(call):
                raise redirects.refused(
                    call.operation, response, self.portal, "redirected after its file was read"
                )
            if auth.origin(target) != auth.origin(self.portal):
                # Nor does the key come back for an address that another origin has chosen.
                key = auth.ApiKey("")
            url = target

    @asynccontextmanager
    async def _send(
        self,
        call: Call,
        progress: _Progress,
        url: _http.URL,
        key: auth.ApiKey,
        *,
        is_hop: bool,
        **content: Any,
    ) -> AsyncGenerator[_http.Response]:
        """Send one request when its turn comes, and log what became of it."""
        operation, options = call.operation, self.options
        async with AsyncExitStack() as stack:
            turn = await self._turn(stack, call, progress, url)
            request = self.session.request(
                operation.id, operation.method, url, timeout=options.timeout, **content
            )
            progress.attempts += not is_hop
            started = now()
            waited = started - progress.since
            progress.waited += waited
            outcome, size = "no answer", 0
            try:
                async with self.session.send(request, key.headers(url, self.portal)) as response:
                    outcome = str(response.status_code)
                    self._hear(turn, call, progress, response)
                    try:
                        yield response
                    finally:
                        size = response.num_bytes_downloaded
            finally:
                progress.since = now()
                times = waited * 1000, (progress.since - started) * 1000
                line = "%s: %s, attempt %d, waited %.0f ms, took %.0f ms, %d bytes"
                _log.debug(line, operation.id, outcome, progress.attempts, *times, size)

    async def _turn(
        self,
        stack: AsyncExitStack,
        call: Call,
        progress: _Progress,
        url: _http.URL,
    ) -> Turn:
        """Wait for the turn of a request, as long as it makes sense."""
        waiting = self.limits.turn(
            call.operation,
            auth.shown(url, self.portal),
            line=self.options.line,
            policy=self.options.retry,
            again=progress.attempts > 0,
            patience=self.options.timeout.pool,
        )

        async def in_time() -> Turn:
            async with asyncio.timeout_at(progress.latest):
                return await stack.enter_async_context(waiting)

        try:
            return await self.session.until_closed(in_time)
        except errors.TimeoutError:
            raise
        except builtins.TimeoutError:
            raise _OutOfTimeError from None

    def _hear(self, turn: Turn, call: Call, progress: _Progress, response: _http.Response) -> None:
        """Let the other calls know what an answer means for them."""
        self.limits.land(turn)
        if not self._is_portal(response):
            return
        policy = self.options.retry
        self.limits.heard(
            turn,
            response.status_code,
            response.headers,
            operation=call.operation,
            line=self.options.line,
            pause=policy.backoff(progress.failures + 1, random.random()),
            cool_down=policy.cool_down,
        )

    def _is_portal(self, response: _http.Response) -> bool:
        return auth.origin(response.url) == auth.origin(self.portal)

    async def _failure(self, call: Call, response: _http.Response) -> errors.APIError:
        try:
            await self.session.read(response)
        except errors.NetworkError:
            # The status is what counts: a 429 was not carried out, a 404 is there no more.
            response = _http.without_body(response)
        response = _http.rewritten(response, self.key.struck_out)
        self._hand_out(response)
        url = auth.shown(response.url, self.portal)
        error = errors.from_response(call.operation, response, url)
        if isinstance(error, errors.LockedError) and self._is_portal(response):
            self.limits.locked(error.message)
        return error

    def _url(self, call: Call) -> _http.URL:
        url = self.portal.join(call.url())
        pairs = call.query_pairs()
        if self.options.lang is not None:
            pairs.append(("lang", self.options.lang))
        return url.copy_with(params=pairs) if pairs else url

    def _hand_out(self, response: _http.Response) -> None:
        if self.options.on_response is not None:
            self.options.on_response(response)

    def _tell(self, retry: Retry) -> None:
        _log.info("%s; again in %.1f s", retry.error, retry.wait)
        if self.options.on_retry is not None:
            self.options.on_retry(retry)


def _headers(call: Call) -> dict[str, str]:
    headers = {"Accept": call.operation.media_type}
    mask = call.mask()
    if mask is not None:
        headers[masks.HEADER] = masks.header(mask, call.operation)
    return headers


def _is_answer(call: Call, response: _http.Response) -> bool:
    """Whether a call has succeeded: a redirect is an answer only to those who ask for one."""
    asked = call.operation.kind == "redirect" and redirects.is_redirect(response)
    return response.is_success or asked


def _can_be_repeated(call: Call) -> bool:
    """Whether its body is still there after it was sent: a file may be one that cannot go back."""
    if call.body is None or not call.operation.multipart:
        return True
    values = call.json().values()
    contents = [one.content for one in values if isinstance(one, File)]
    return all(isinstance(one, bytes) or one.seekable() for one in contents)


def _content(call: Call) -> dict[str, Any]:
    """The body of a request, as httpx wants it."""
    body = call.json()
    if body is None:
        return {}
    if not call.operation.multipart:
        return {"json": body}
    parts: dict[str, Any] = {"files": {}, "data": {}}
    for name, value in body.items():
        if isinstance(value, File):
            kind = () if value.media_type is None else (value.media_type,)
            parts["files"][name] = (value.name, value.content, *kind)
        else:
            parts["data"][name] = str(value)
    return parts
