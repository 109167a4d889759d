"""The pipeline of every call: admitted, sent, redirected, retried, logged, read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from attrs import evolve, frozen

from .. import _http, _missing, errors
from .._events import Events
from .._http import urls
from .._limits import quota
from .._limits.gate import Gate, now
from .._limits.line import Applicant, OutOfTimeError
from .._missing import Known
from ..retry import NEVER, RetryPolicy
from . import auth, redirects, responses
from .call import Call, prepare_path
from .exchange import Exchange
from .options import Options
from .progress import Progress
from .redirects import Hop
from .session import Session

_ERROR = 1 << 20
"""The bytes of an error's body that are kept."""

_DOCUMENT, _DOCUMENT_TIME = 16 << 20, 60.0
"""The most bytes and seconds of a document in which a portal describes itself."""

T = TypeVar("T")


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
        progress = Progress(self._events(call))
        with progress.events as events, events.current():
            return await self._persist(call, progress, partial(self._received, read))

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncGenerator[_http.Response]:
        """Make a call; the caller reads the body of the response inside the context."""

        async def kept(exchange: Exchange) -> Exchange:
            return exchange

        progress = Progress(self._events(call))
        with progress.events as events:
            with events.current():
                exchange = await self._persist(call, progress, kept)
            try:
                self._call_on_response(exchange.response)
                yield exchange.response
            finally:
                await exchange.end()

    async def document(self, path: str, version: int, retry: RetryPolicy) -> bytes:
        """Fetch a document in which the portal describes itself, if it is not too long."""
        own = self.options
        size, time = min(own.max_size, _DOCUMENT), min(own.max_time, _DOCUMENT_TIME)
        limited = evolve(own, retry=retry, max_size=size, max_time=time)
        call = prepare_path("GET", path, version=version)
        return await evolve(self, options=limited).request(call, lambda one: one.content)

    def _events(self, call: Call) -> Events:
        """Begin to report the events of a call."""
        observer = self.options.observer
        watch = None if observer is None else observer(call.operation, str(self._url(call)))
        return Events(call.operation, self.options.on_retry, watch)

    async def _persist(
        self, call: Call, progress: Progress, take: Callable[[Exchange], Awaitable[T]]
    ) -> T:
        """Make a call and take its answer, until the policy gives up or the deadline is over."""
        deadline = progress.started + self.options.retry.deadline
        try:
            with self.session.waits.until(deadline, OutOfTimeError):
                while True:
                    try:
                        return await take(await self._answer(call, progress))
                    except (errors.APIError, errors.DecodeError, errors.NetworkError) as error:
                        wait = self._decide(call, progress, error)
                        if wait is None:
                            raise
                        progress.error = error
                    progress.events.retried(progress.error, progress.attempts, wait)
                    await asyncio.sleep(wait)
        except OutOfTimeError:
            raise self._late(call, progress) from None
        except errors.APIError as error:
            await self._explain(call, error, deadline - now())
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

    def _late(self, call: Call, progress: Progress) -> errors.DataGouvError:
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

    def _decide(self, call: Call, progress: Progress, error: errors.DataGouvError) -> float | None:
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

    async def _received(self, read: Callable[[_http.Response], T], exchange: Exchange) -> T:
        """Receive the whole answer, and read it."""
        response = exchange.response
        try:
            await self.session.read(response, self.options.max_size)
        finally:
            await exchange.end()
        response = _http.rewritten(response, self.key.redact)
        self._call_on_response(response)
        try:
            return read(response)
        except errors.DecodeError as error:
            error.response = response
            raise

    async def _answer(self, call: Call, progress: Progress) -> Exchange:
        """Make one attempt, and follow redirects; the body of the answer is still to be read."""
        url = self._url(call, is_bare=call.operation.name in self.known.bare)
        hop = Hop(url, may_send_key=bool(self.key))
        while True:
            request = self._applicant(call, progress, hop)
            at_once = self.gate.admit_now(request)
            permit = at_once or await self.gate.admit(request, progress.start_by)
            exchange = Exchange(self.session, self.gate, permit, progress)
            following: Hop | None = hop
            try:
                await exchange.send(call, hop, self.options)
                self._tell_gate(call, hop, exchange)
                following = await self._next(call, hop, exchange.response)
                if following is None:
                    return exchange
            finally:
                if following is not None:
                    await exchange.end()
            hop = following

    def _applicant(self, call: Call, progress: Progress, hop: Hop) -> Applicant:
        own, is_retry = self.options, progress.attempts > 0
        url = str(hop.url) if hop.is_home else urls.shown(hop.url, self.portal)
        return Applicant(call.operation, url, own.queues, own.retry, is_retry, own.timeout.pool)

    async def _next(self, call: Call, hop: Hop, response: _http.Response) -> Hop | None:
        """The request that follows a response of an attempt; None if that is the final one."""
        operation, unrouted = call.operation, hop.unrouted
        is_target = operation.kind == "redirect"
        if unrouted is not None and redirects.is_redirect(response) and not is_target:
            raise self._error(call, unrouted)  # The path without the slash is no route.
        target = redirects.next_url(operation, response, self.portal, hop.number)
        if target is None:
            if responses.is_success(operation, response):
                if unrouted is not None:
                    self.known.bare.add(operation.name)
                return None
            response = await self._failure(response)
            if not _missing.is_unrouted(response):
                if unrouted is not None and _missing.is_of_the_api(response):
                    self.known.bare.add(operation.name)
                raise self._error(call, response)
            if hop.number or not (call.can_be_repeated and self.known.may_be_bare(operation)):
                raise self._error(call, unrouted or response)
            # Old portals have some paths without the slash at the end.
            unrouted, target = response, self._url(call, is_bare=True)
        if not call.can_be_repeated:
            problem = "redirected, and its file cannot be read again"
            raise redirects.refused(operation, response, self.portal, problem)
        is_home = urls.origin(target) == urls.origin(self.portal)
        # The key does not come back for an address that another origin has chosen.
        return Hop(target, hop.may_send_key and is_home, is_home, hop.number + 1, unrouted)

    def _tell_gate(self, call: Call, hop: Hop, exchange: Exchange) -> None:
        """Release the permit of a request, and let the gate observe a response of the portal."""
        self.gate.release(exchange.permit)
        status, headers = exchange.response.status_code, exchange.response.headers
        if hop.is_home and (call.operation.creates or quota.is_told(status, headers)):
            policy = self.options.retry
            self.gate.observe(
                exchange.permit,
                status,
                headers,
                operation=call.operation,
                pause=policy.backoff(exchange.progress.failures + 1, random.random()),
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
        pairs, lang = call.query_pairs, self.options.lang
        if lang is not None and "lang" not in call.query:
            pairs = [*pairs, ("lang", lang)]
        return urls.endpoint(self.portal, call.operation.version, path, pairs)

    def _call_on_response(self, response: _http.Response) -> None:
        if self.options.on_response is not None:
            self.options.on_response(response)
