"""What every request of a client passes before it is sent. The waiting is here; what for is not.

`rate` says how fast, `quota` how many the portal still takes, `breaker` whether anything is to be
created. All tasks share them, and so do the clients that are made from one with other options.
"""

from __future__ import annotations

import asyncio
import builtins
import logging
import math
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from attrs import define

from . import errors, quota
from .breaker import Breaker

if TYPE_CHECKING:
    from .operation import Operation
    from .rate import Rate
    from .retry import RetryPolicy

_RESOLUTION = 1e-6
"""Seconds that are not worth waiting for: clocks are no finer."""

Refusal: TypeAlias = "Callable[[], errors.APIError | None]"
"""What says whether a call is not to be sent, nor to wait for that."""

_log = logging.getLogger("aiodatagouv")


class Line:
    """Those who wait for a rate: one after the other, those who have been sent before first.

    Attributes:
        rate: What they wait for.
    """

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._door = asyncio.Lock()
        self._front = asyncio.Lock()

    @asynccontextmanager
    async def front(self, *, again: bool) -> AsyncGenerator[None]:
        """Wait to be the first in line."""
        # Of those who have not been sent before, only one at a time waits further in.
        async with nullcontext() if again else self._door, self._front:
            yield


@define
class Turn:
    """A request that is on its way, in one of the places that there are."""

    sent: float
    """When it was sent."""
    is_answered: bool = False


class Limits:
    """What the requests of a client wait for.

    Args:
        connections: How many requests may be under way at once.
    """

    def __init__(self, connections: int) -> None:
        self._places = asyncio.Semaphore(connections)
        self._under_way = 0
        self._asked = -math.inf
        """Until when the portal wants no request, as it has said."""
        self._resumes = -math.inf
        """When they are sent again, which is a little later."""
        self._paused = -math.inf
        self._budget = quota.Budget()
        self._breaker = Breaker()
        self._probe = asyncio.Lock()
        self._news = asyncio.Event()
        self._waiting: dict[asyncio.Timeout, Refusal] = {}

    @asynccontextmanager
    async def turn(
        self,
        operation: Operation,
        url: str,
        *,
        line: Line,
        policy: RetryPolicy,
        again: bool,
        patience: float | None,
    ) -> AsyncGenerator[Turn]:
        """Wait until a request may be sent; its place is taken until the context is left.

        Args:
            operation: What is called.
            url: Its address, for errors.
            line: Where to stand in line.
            policy: How long to wait for the portal.
            again: Whether the call was sent before: it goes before those that were not.
            patience: Seconds to wait for a free connection; any when None.

        Raises:
            RateLimitedError: The portal wants no request for longer than the policy waits.
            LockedError: It wants nothing to be created.
            TimeoutError: No connection was free in time.
        """
        refusal = partial(self._refusal, operation, url, policy)
        async with self._unlocked(refusal) if operation.creates else nullcontext():
            turn = None
            while turn is None:  # Who was turned away looks whether that still is so.
                turn = await self._wait(operation, url, line, refusal, again, patience)
            try:
                yield turn
            finally:
                self.land(turn)
                self._places.release()

    def land(self, turn: Turn) -> None:
        """Learn that a request is not under way any more: it was answered, or never will be."""
        if not turn.is_answered:
            turn.is_answered = True
            self._under_way -= 1
            if self._budget.is_known:
                self._news.set()

    def heard(
        self,
        turn: Turn,
        status: int,
        headers: Mapping[str, str],
        *,
        operation: Operation,
        line: Line,
        pause: float,
        cool_down: float,
    ) -> None:
        """Learn from the head of an answer of the portal, once its request has landed.

        Args:
            turn: What it answers.
            status: Its status.
            headers: Its headers.
            operation: What was called.
            line: Where the request stood.
            pause: Seconds for which to send nothing after a 429, beyond what it asks for.
            cool_down: Seconds for which to create nothing after a 423.
        """
        moment = now()
        wall = datetime.now(UTC)
        if (known := quota.read_quota(headers, wall)) is not None:
            self._budget.learn(known, moment, self._under_way)
        asked = min(quota.retry_after(headers, wall) or 0.0, quota.LONGEST)
        if status == 429:
            self._pause(turn, moment, asked, pause)
            line.rate.rejected(turn.sent, moment, self._resumes - moment)
        elif status == 423:
            phrase = "the portal is in read-only mode"
            self._breaker.open(phrase, moment, moment + max(cool_down, asked))
        elif operation.creates:
            self._breaker.answered(status, turn.sent)
        if status in (423, 429) or (known is not None and not known.remaining):
            self._turn_away()

    def locked(self, message: str) -> None:
        """Learn what the portal says of being locked."""
        self._breaker.message = message

    def _pause(self, turn: Turn, moment: float, asked: float, pause: float) -> None:
        self._asked = max(self._asked, moment + asked)
        if turn.sent <= self._paused:  # It was on its way already: the same event.
            self._resumes = max(self._resumes, self._asked)
            return
        self._resumes = max(self._resumes, moment + asked + pause)
        self._paused = moment
        _log.info("429: no request for %.1f s", self._resumes - moment)

    @asynccontextmanager
    async def _unlocked(self, refusal: Refusal) -> AsyncGenerator[None]:
        """Only go on with what creates something if the portal is not known to be locked."""
        _check(refusal)
        if self._breaker.is_open:
            async with self._probe:  # One tries, the others wait for what it is told.
                _check(refusal)
                if self._breaker.is_open:
                    yield
                    return
        yield

    async def _wait(
        self,
        operation: Operation,
        url: str,
        line: Line,
        refusal: Refusal,
        again: bool,
        patience: float | None,
    ) -> Turn | None:
        """Wait for a turn, None if something came up that may make it pointless."""
        _check(refusal)
        waiting = asyncio.timeout(None)
        self._waiting[waiting] = refusal
        try:
            async with waiting, line.front(again=again):
                return await self._place(operation, url, line.rate, refusal, patience)
        except builtins.TimeoutError:
            if waiting.expired():
                return None
            raise
        finally:
            self._waiting.pop(waiting, None)

    def _turn_away(self) -> None:
        """Let those look again who wait for what may not come."""
        for waiting in [one for one, refusal in self._waiting.items() if refusal() is not None]:
            # Once is enough, and a timeout that is about to expire cannot be told again.
            del self._waiting[waiting]
            waiting.reschedule(now())

    async def _place(
        self,
        operation: Operation,
        url: str,
        rate: Rate,
        refusal: Refusal,
        patience: float | None,
    ) -> Turn:
        """Wait for the right moment, and one of the places that there are."""
        while True:
            _check(refusal)
            if (delay := self._delay(rate)) > _RESOLUTION:
                await self._sleep(delay)
                continue
            await self._find_place(operation, url, patience)
            # It may have taken a while.
            if self._delay(rate) <= _RESOLUTION and refusal() is None:
                break
            self._places.release()
        moment = now()
        rate.take(moment)
        self._budget.take(moment)
        self._under_way += 1
        return Turn(moment)

    def _delay(self, rate: Rate) -> float:
        """Seconds until a request may be sent; infinite: until an answer is there."""
        moment = now()
        if self._resumes > moment:
            rate.pause(self._resumes)
        return max(rate.delay(moment), self._budget.delay(moment, self._under_way))

    async def _sleep(self, delay: float) -> None:
        """Wait until a time, or until there is something new."""
        self._news.clear()
        with suppress(builtins.TimeoutError):
            async with asyncio.timeout(None if delay == math.inf else delay):
                await self._news.wait()

    async def _find_place(self, operation: Operation, url: str, patience: float | None) -> None:
        """Wait for one of the places that there are."""
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
        except builtins.TimeoutError:
            words = f"no connection was free within {patience:g} s"
            raise errors.TimeoutError(
                words, operation=operation.id, method=operation.method, url=url, is_sent=False
            ) from None

    def _refusal(
        self, operation: Operation, url: str, policy: RetryPolicy
    ) -> errors.APIError | None:
        """The error to raise instead of waiting, if any."""
        moment = now()
        if operation.creates and (left := self._breaker.left(moment)) > _RESOLUTION:
            kind: type[errors.APIError] = errors.LockedError
            status, message = 423, self._breaker.message
        else:
            left = max(self._asked - moment, self._budget.shut(moment))
            if left <= max(policy.max_wait, _RESOLUTION):
                return None
            kind, status = errors.RateLimitedError, 429
            message = "the portal wants no request before that"
        return kind(
            message,
            operation=operation.id,
            method=operation.method,
            url=url,
            status=status,
            retry_after=left,
        )


def _check(refusal: Refusal) -> None:
    if (error := refusal()) is not None:
        raise error


def now() -> float:
    """Seconds by the clock of the event loop, which all of this goes by."""
    return asyncio.get_running_loop().time()
