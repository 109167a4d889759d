"""The gate: admits the requests of a client one by one, within its limits and the portal's.

All tasks share it, and so do derived clients. The waiting is here; the decisions are in
:mod:`aiodatagouv.rate` (how fast), :mod:`.quota` (how many requests the portal still accepts) and
:mod:`.breaker` (whether content may be created).
"""

from __future__ import annotations

import asyncio
import builtins
import logging
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

from attrs import define, frozen

from .. import errors
from .._events import milliseconds
from ..operation import Operation
from ..rate import AdaptiveRate, Rate
from ..retry import RetryPolicy
from . import quota
from .breaker import Breaker

_RESOLUTION = 1e-6
"""Seconds below which waiting makes no sense: clocks are no finer."""

Refusal: TypeAlias = "Callable[[], errors.APIError | None]"
"""Returns the error to raise instead of waiting any longer, if any."""

_log = logging.getLogger("aiodatagouv")


class Queue:
    """The requests that wait for a rate, in order; those that are sent again go first.

    Attributes:
        rate: The rate that they wait for.
    """

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._new = asyncio.Lock()
        self._front = asyncio.Lock()

    @asynccontextmanager
    async def front(self, *, goes_first: bool) -> AsyncGenerator[None]:
        """Wait for the front of the queue."""
        # Of the requests that do not go first, only one at a time competes for the front.
        async with nullcontext() if goes_first else self._new, self._front:
            yield


@frozen
class Applicant:
    """A request that asks for admission.

    Attributes:
        operation: The operation that is called.
        url: Its URL, for errors.
        queues: The queues that it passes, the client's own first, its parent's after it.
        policy: How long it may wait for the portal.
        is_retry: Whether the call was sent before: it goes before those that were not.
        patience: Seconds to wait for a free connection; no limit when None.
    """

    operation: Operation
    url: str
    queues: Sequence[Queue]
    policy: RetryPolicy
    is_retry: bool
    patience: float | None


@define
class Permit:
    """The permission to send one request, which holds one of the connections."""

    sent: float
    """When the request was sent."""
    queues: Sequence[Queue]
    is_released: bool = False


class Gate:
    """Admits requests.

    Args:
        connections: How many requests may be in flight at once.
    """

    def __init__(self, connections: int) -> None:
        self._connections = asyncio.Semaphore(connections)
        self._in_flight = 0
        self._asked_until = -math.inf
        """Until when the portal wants no request."""
        self._resumes_at = -math.inf
        """When requests are sent again, a little later than the portal asks for."""
        self._paused_at = -math.inf
        """When the pause began: rejections of earlier requests belong to it."""
        self._budget = quota.Budget()
        self._breaker = Breaker()
        self._probe = asyncio.Lock()
        self._changed = asyncio.Event()
        self._waiting: dict[asyncio.Timeout, Refusal] = {}
        self._queues: dict[object, Queue] = {}

    def queues(
        self, rate: float | Rate | str | None, parents: tuple[Queue, ...] = ()
    ) -> tuple[Queue, ...]:
        """The queues for a rate on top of those of a parent.

        Equal rates on top of the same parent share one queue.

        Args:
            rate: Requests a second, a :class:`Rate`, ``"auto"``, or None for no limit.
            parents: The queues of the parent client; none for a client of its own.

        Raises:
            ValueError: The rate is not positive, or another word than ``"auto"``.
        """
        if isinstance(rate, str) and rate != "auto":
            raise ValueError(f"rate is {rate!r}: it must be a number, 'auto' or None")
        alike: object = rate
        if type(rate) is Rate:
            alike = (rate.rate, rate.burst)
        elif isinstance(rate, Rate):
            alike = id(rate)  # The queue keeps it alive.
        else:
            alike = (math.inf if rate is None else rate, None)
        if parents and (alike == (math.inf, None) or any(one.rate is rate for one in parents)):
            return parents
        if (*parents, alike) not in self._queues:
            if rate == "auto":
                rate = AdaptiveRate()
            elif not isinstance(rate, Rate):
                assert not isinstance(rate, str)
                rate = Rate(math.inf if rate is None else rate)
            self._queues[(*parents, alike)] = Queue(rate)
        return (self._queues[(*parents, alike)], *parents)

    @asynccontextmanager
    async def admit(self, request: Applicant) -> AsyncGenerator[Permit]:
        """Wait until a request may be sent; it counts as in flight until the context is left.

        Raises:
            RateLimitedError: The portal wants no request for longer than the policy waits.
            LockedError: The portal is in read-only mode.
            TimeoutError: No connection was free in time.
        """
        refusal = partial(self._refusal, request)
        async with self._unless_locked(refusal) if request.operation.creates else nullcontext():
            permit = None
            while permit is None:  # Check again after each wake-up.
                permit = await self._wait(request, refusal)
            try:
                yield permit
            finally:
                self.release(permit)
                self._connections.release()

    def release(self, permit: Permit) -> None:
        """Count a request as no longer in flight: it was answered, or never will be."""
        if not permit.is_released:
            permit.is_released = True
            self._in_flight -= 1
            if self._budget.is_known:
                self._changed.set()

    def observe(
        self,
        permit: Permit,
        status: int,
        headers: Mapping[str, str],
        *,
        operation: Operation,
        pause: float,
        cool_down: float,
    ) -> None:
        """Learn from the head of a response of the portal, after its permit was released.

        Args:
            permit: The permit of the request.
            status: The status of the response.
            headers: Its headers.
            operation: The operation that was called.
            pause: Seconds to send nothing after a 429, beyond the time that the portal asks for.
            cool_down: Seconds to create nothing after a 423.
        """
        moment = now()
        wall = datetime.now(UTC)
        if (known := quota.read_quota(headers, wall)) is not None:
            self._budget.observe(known, moment, self._in_flight)
        asked = min(quota.retry_after(headers, wall) or 0.0, quota.LONGEST)
        if status == 429:
            self._pause(permit, moment, asked, pause)
            for queue in permit.queues:
                queue.rate.rejected(permit.sent, moment, self._resumes_at - moment)
        elif status == 423:
            phrase = "the portal is in read-only mode"
            self._breaker.open(phrase, moment, moment + max(cool_down, asked))
        elif operation.creates:
            self._breaker.observe(status, permit.sent)
        if status in (423, 429) or (known is not None and not known.remaining):
            self._wake()

    def observe_lock(self, message: str) -> None:
        """Learn the portal's own words about its read-only mode."""
        self._breaker.message = message

    def _pause(self, permit: Permit, moment: float, asked: float, pause: float) -> None:
        self._asked_until = max(self._asked_until, moment + asked)
        if permit.sent <= self._paused_at:  # It was in flight already: the same event.
            self._resumes_at = max(self._resumes_at, self._asked_until)
            return
        self._resumes_at = max(self._resumes_at, moment + asked + pause)
        self._paused_at = moment
        wait = self._resumes_at - moment
        fields = {"event": "pause", "status": 429, "wait_ms": milliseconds(wait)}
        _log.info("429: no request for %.1f s", wait, extra=fields)

    @asynccontextmanager
    async def _unless_locked(self, refusal: Refusal) -> AsyncGenerator[None]:
        """Hold calls that create content back while the portal is known to be locked."""
        _check(refusal)
        if self._breaker.is_open:
            async with self._probe:  # One call probes; the others wait for its outcome.
                _check(refusal)
                if self._breaker.is_open:
                    yield
                    return
        yield

    async def _wait(self, request: Applicant, refusal: Refusal) -> Permit | None:
        """Wait for a permit; None if something changed that may make waiting pointless."""
        _check(refusal)
        waiting = asyncio.timeout(None)
        self._waiting[waiting] = refusal
        try:
            async with waiting, AsyncExitStack() as fronts:
                for level, queue in enumerate(request.queues):
                    # One request of each derived queue waits right behind the parent's front.
                    first = request.is_retry or level > 0
                    await fronts.enter_async_context(queue.front(goes_first=first))
                    # A rate of its own must not hold that front up.
                    is_last = queue is request.queues[-1]
                    while not is_last and (delay := queue.rate.delay(now())) > _RESOLUTION:
                        await self._sleep(delay)
                return await self._permit(request, refusal)
        except builtins.TimeoutError:
            if waiting.expired():
                return None
            raise
        finally:
            self._waiting.pop(waiting, None)

    def _wake(self) -> None:
        """Wake up the requests whose waiting may have become pointless."""
        for waiting in [one for one, refusal in self._waiting.items() if refusal() is not None]:
            # Only once: a timeout that is about to expire cannot be rescheduled.
            del self._waiting[waiting]
            waiting.reschedule(now())

    async def _permit(self, request: Applicant, refusal: Refusal) -> Permit:
        """Wait for the right moment and a free connection."""
        rates = [queue.rate for queue in request.queues]
        while True:
            _check(refusal)
            if (delay := self._delay(rates)) > _RESOLUTION:
                await self._sleep(delay)
                continue
            await self._acquire(request)
            # It may have taken a while.
            if self._delay(rates) <= _RESOLUTION and refusal() is None:
                break
            self._connections.release()
        moment = now()
        for rate in rates:
            rate.take(moment)
        self._budget.take(moment)
        self._in_flight += 1
        return Permit(moment, request.queues)

    def _delay(self, rates: Sequence[Rate]) -> float:
        """Seconds until a request may be sent; infinite: until a response arrives."""
        moment = now()
        for rate in rates:
            if self._resumes_at > moment:
                rate.pause(self._resumes_at)
        own = max(rate.delay(moment) for rate in rates)
        return max(own, self._budget.delay(moment, self._in_flight))

    async def _sleep(self, delay: float) -> None:
        """Sleep for a time, or until something changes."""
        self._changed.clear()
        with suppress(builtins.TimeoutError):
            async with asyncio.timeout(None if delay == math.inf else delay):
                await self._changed.wait()

    async def _acquire(self, request: Applicant) -> None:
        """Wait for a free connection."""
        try:
            async with asyncio.timeout(request.patience):
                await self._connections.acquire()
        except builtins.TimeoutError:
            raise errors.TimeoutError(
                f"no connection was free within {request.patience:g} s",
                operation=request.operation.name,
                method=request.operation.method,
                url=request.url,
                is_sent=False,
            ) from None

    def _refusal(self, request: Applicant) -> errors.APIError | None:
        """The error to raise instead of waiting, if any."""
        moment, operation = now(), request.operation
        if operation.creates and (left := self._breaker.left(moment)) > _RESOLUTION:
            kind: type[errors.APIError] = errors.LockedError
            status, message = 423, self._breaker.message
        else:
            left = max(self._asked_until - moment, self._budget.shut(moment))
            if left <= max(request.policy.max_wait, _RESOLUTION):
                return None
            kind, status = errors.RateLimitedError, 429
            message = "the portal wants no request before that"
        return kind(
            message,
            operation=operation.name,
            method=operation.method,
            url=request.url,
            status=status,
            retry_after=left,
        )


def _check(refusal: Refusal) -> None:
    if (error := refusal()) is not None:
        raise error


def now() -> float:
    """Seconds by the clock of the event loop, which all limits go by."""
    return asyncio.get_running_loop().time()
