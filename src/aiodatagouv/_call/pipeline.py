"""The pipeline of every call: admitted, sent, redirected, retried, logged, read."""

from __future__ import annotations

import asyncio
import builtins
import math
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from typing import TypeVar

from attrs import define, evolve, field, frozen

from .. import _http, _missing, errors
from .._events import Events, Sent
from .._http import urls
from .._limits.gate import Applicant, Gate, Permit, now
from .._missing import Known
from ..retry import NEVER, RetryPolicy
from . import auth, redirects, responses
from .call import Call, prepare_path
from .options import Options
from .session import Session

_ERROR = 1 << 20
"""The bytes of an error's body that are kept."""

_DOCUMENT, _DOCUMENT_TIME = 16 << 20, 60.0
"""The most bytes and seconds of a document in which a portal describes itself."""

T = TypeVar("T")


class _OutOfTimeError(Exception):
    """The next attempt would start too late."""


@define
class _Progress:
    """The state of a call. Times are those of the event loop."""

    events: Events
    started: float = field(factory=now)
    attempts: int = 0
    """How often it was sent."""
    failures: int = 0
    """How often it has failed, locks aside."""
    waited: float = 0.0
    since: float = field(factory=now)
    """Since when it has been waiting to be sent."""
    failed_at: float | None = None
    """When it first failed."""
    locked_at: float | None = None
    """When it was first refused because the portal is locked."""
    start_by: float | None = None
    """The latest time at which it may be sent again."""
    error: errors.DataGouvError | None = None
    """The error of the last attempt."""

    def stamp(self, error: errors.DataGouvError) -> None:
        """Record the attempts and the waiting in an error."""
        error.attempts = self.attempts
        error.waited = self.waited + now() - self.since


@frozen
class Pipeline:
    """Makes calls to a portal with some options, through its gate and its session."""

    portal: _http.URL
    key: auth.ApiKey
    session: Session
    gate: Gate
    options: Options
    known: Known

    async def request(self, call: Call, read: Callable[[_http.Response], T]) -> T:
        """Make a call, receive the whole response, and read it."""

        async def whole() -> T:
            async with self._response(call, progress) as response:
                await self.session.read(response, self.options.max_size)
            response = _http.rewritten(response, self.key.redact)
            self._call_on_response(response)
            try:
                return read(response)
            except errors.DecodeError as error:
                error.response = response
                raise

        with self._events(call) as events:
            progress = _Progress(events)
            with events.current():
                return await self._persist(call, progress, whole)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncGenerator[_http.Response]:
        """Make a call; the caller reads the body of the response inside the context."""
        async with AsyncExitStack() as stack:
            progress = _Progress(stack.enter_context(self._events(call)))

            async def begun() -> _http.Response:
                return await stack.enter_async_context(self._response(call, progress))

            with progress.events.current():
                response = await self._persist(call, progress, begun)
            self._call_on_response(response)
            yield response

    async def document(self, path: str, version: int, retry: RetryPolicy) -> bytes:
        """Fetch a document in which the portal describes itself, if it is not too long."""
        own = self.options
        size, time = min(own.max_size, _DOCUMENT), min(own.max_time, _DOCUMENT_TIME)
        limited = evolve(own, retry=retry, max_size=size, max_time=time)
        call = prepare_path("GET", path, version=version)
        return await evolve(self, options=limited).request(call, lambda one: one.content)

    def _events(self, call: Call) -> AbstractContextManager[Events]:
        """Report the events of a call."""
        own = self.options
        return Events.of(call.operation, own.on_retry, own.observer, lambda: str(self._url(call)))

    async def _persist(
        self, call: Call, progress: _Progress, make: Callable[[], Awaitable[T]]
    ) -> T:
        """Make a call until it succeeds, the policy gives up, or its deadline is over."""
        deadline = self.options.retry.deadline
        whole = asyncio.timeout(None if deadline == math.inf else deadline)
        try:
            async with whole:
                while True:
                    try:
                        return await make()
                    except (errors.APIError, errors.DecodeError, errors.NetworkError) as error:
                        wait = self._decide(call, progress, error)
                        if wait is None:
                            raise
                        progress.error = error
                    progress.events.retried(progress.error, progress.attempts, wait)
                    await self.session.until_closed(partial(asyncio.sleep, wait))
        except _OutOfTimeError:
            raise self._late(call, progress) from None
        except builtins.TimeoutError as error:
            if isinstance(error, errors.TimeoutError) or not whole.expired():
                raise
            raise self._late(call, progress) from None
        except errors.APIError as error:
            await self._explain(call, error, progress.started + deadline - now())
            raise
        finally:
            progress.error = None  # An error and its frames keep each other alive.

    async def _explain(self, call: Call, error: errors.APIError, seconds: float) -> None:
        """Say in an error which releases of udata serve the operation, if this portal may not."""
        answer, page = error.response, call.query.get("page")
        if answer is None or not self._is_portal(answer):
            return
        if _missing.may_be_missing(call.operation, answer, page):
            fetch = partial(self.document, retry=NEVER)
            await self.known.explain(call.operation, error, str(self.portal), fetch, seconds)

    def _late(self, call: Call, progress: _Progress) -> errors.DataGouvError:
        """The error of the last attempt, or a timeout if there was none."""
        over = f"the deadline of the call, {self.options.retry.deadline:g} s, is over"
        if progress.error is not None:
            progress.error.add_note(over)
        error = progress.error or errors.TimeoutError(
            over,
            operation=call.operation.name,
            method=call.operation.method,
            url=str(self._url(call)),
            is_sent=progress.attempts > 0,
        )
        progress.stamp(error)
        return error

    def _decide(self, call: Call, progress: _Progress, error: errors.DataGouvError) -> float | None:
        """Record a failure; return the seconds until the next attempt, None to give up."""
        progress.stamp(error)
        was_refused = isinstance(error, errors.APIError) and error.response is None
        if not was_refused and not call.can_be_repeated:
            return None
        policy = self.options.retry
        # The time of a lock is counted apart from other failures.
        if isinstance(error, errors.LockedError):
            since = progress.locked_at = now() if progress.locked_at is None else progress.locked_at
            progress.start_by = since + policy.wait_for_unlock
        else:
            since = progress.failed_at = now() if progress.failed_at is None else progress.failed_at
            progress.start_by = since + policy.retry_for
            progress.failures += 1
        wait = policy.wait(
            call.operation,
            error,
            attempt=max(progress.failures, 1),
            elapsed=now() - since,
            jitter=random.random(),
        )
        is_too_late = wait is not None and now() + wait > progress.started + policy.deadline
        return None if is_too_late else wait

    @asynccontextmanager
    async def _response(self, call: Call, progress: _Progress) -> AsyncGenerator[_http.Response]:
        """The final response to a call, redirects followed; its body is still to be read."""
        operation, unrouted = call.operation, None
        wants_target = operation.kind == "redirect"
        url = self._url(call, is_bare=operation.name in self.known.bare)
        may_send_key = bool(self.key)
        for hops in count():
            sent = self._send(call, progress, url, may_send_key=may_send_key, is_hop=hops > 0)
            async with sent as response:
                if unrouted is not None and redirects.is_redirect(response) and not wants_target:
                    raise self._error(call, unrouted)  # The path without the slash is no route.
                target = redirects.next_url(operation, response, self.portal, hops)
                if target is None:
                    if responses.is_success(operation, response):
                        if unrouted is not None:
                            self.known.bare.add(operation.name)
                        yield response
                        return
                    response = await self._failure(response)
                    if not _missing.is_unrouted(response):
                        if unrouted is not None and _missing.is_of_the_api(response):
                            self.known.bare.add(operation.name)
                        raise self._error(call, response)
                    if hops or not (call.can_be_repeated and self.known.may_be_bare(operation)):
                        raise self._error(call, unrouted or response)
                    # Old portals have some paths without the slash at the end.
                    unrouted, target = response, self._url(call, is_bare=True)
            if not call.can_be_repeated:
                raise redirects.refused(
                    operation,
                    response,
                    self.portal,
                    "redirected, and its file cannot be read again",
                )
            # The key does not come back for an address that another origin has chosen.
            may_send_key = may_send_key and urls.origin(target) == urls.origin(self.portal)
            url = target

    @asynccontextmanager
    async def _send(
        self,
        call: Call,
        progress: _Progress,
        url: _http.URL,
        *,
        may_send_key: bool,
        is_hop: bool,
    ) -> AsyncGenerator[_http.Response]:
        """Send one request once it is admitted, and report the outcome."""
        operation, options = call.operation, self.options
        async with AsyncExitStack() as stack:
            permit = await self._admit(stack, call, progress, url)
            request = self.session.request(
                operation.name,
                operation.method,
                url,
                timeout=options.timeout,
                max_time=options.max_time,
                may_send_key=may_send_key,
                headers=call.headers(),
                **call.content(stack),
            )
            progress.attempts += not is_hop
            started = now()
            waited = started - progress.since
            progress.waited += waited
            status, size = None, 0
            try:
                async with self.session.send(request) as response:
                    status = response.status_code
                    self._tell_gate(permit, call, progress, response)
                    try:
                        yield response
                    finally:
                        size = response.num_bytes_downloaded
            finally:
                progress.since = now()
                took = progress.since - started
                progress.events.sent(Sent(progress.attempts, status, waited, took, size))

    async def _admit(
        self, stack: AsyncExitStack, call: Call, progress: _Progress, url: _http.URL
    ) -> Permit:
        """Wait for admission, until it is too late for another attempt."""
        options = self.options
        admission = self.gate.admit(
            Applicant(
                call.operation,
                urls.shown(url, self.portal),
                options.queues,
                options.retry,
                is_retry=progress.attempts > 0,
                patience=options.timeout.pool,
            )
        )

        async def in_time() -> Permit:
            async with asyncio.timeout_at(progress.start_by):
                return await stack.enter_async_context(admission)

        try:
            return await self.session.until_closed(in_time)
        except errors.TimeoutError:  # No connection was free in time.
            raise
        except builtins.TimeoutError:
            raise _OutOfTimeError from None

    def _tell_gate(
        self, permit: Permit, call: Call, progress: _Progress, response: _http.Response
    ) -> None:
        """Release the permit of a request, and let the gate observe a response of the portal."""
        self.gate.release(permit)
        if not self._is_portal(response):
            return
        policy = self.options.retry
        self.gate.observe(
            permit,
            response.status_code,
            response.headers,
            operation=call.operation,
            pause=policy.backoff(progress.failures + 1, random.random()),
            cool_down=policy.cool_down,
        )

    def _is_portal(self, response: _http.Response) -> bool:
        return urls.origin(response.url) == urls.origin(self.portal)

    async def _failure(self, response: _http.Response) -> _http.Response:
        """Read a response with a failing status, and remove the key from it."""
        try:
            await self.session.read(response, 2 * _ERROR, is_cut=True)
        except errors.NetworkError:
            # The status says enough: a POST that was answered 429 may be sent again.
            response = _http.without_body(response)
        # Cut last: half of a key would not be recognized.
        response = _http.rewritten(response, lambda body: self.key.redact(body)[:_ERROR])
        self._call_on_response(response)
        return response

    def _error(self, call: Call, response: _http.Response) -> errors.APIError:
        url = urls.shown(response.url, self.portal)
        error = responses.error_of(call.operation, response, url)
        if isinstance(error, errors.LockedError) and self._is_portal(response):
            self.gate.observe_lock(error.message)
        return error

    def _url(self, call: Call, *, is_bare: bool = False) -> _http.URL:
        path = call.path.rstrip("/") if is_bare else call.path
        url = urls.endpoint(self.portal, call.operation.version, path)
        pairs = [*call.query_pairs()]
        if self.options.lang is not None and "lang" not in call.query:
            pairs.append(("lang", self.options.lang))
        return url.copy_with(params=pairs) if pairs else url

    def _call_on_response(self, response: _http.Response) -> None:
        if self.options.on_response is not None:
            self.options.on_response(response)
