"""What every request of a client passes before it is sent. The waiting is here; what for is not.

`rate` says how fast, `quota` how many the portal still takes, `breaker` whether anything is to be
created. All tasks share them, and so do the clients that are made from one with other options.
"""

from __future__ import annotations

import asyncio
import builtins
import logging
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import define

from . import errors, quota
from .breaker import Breaker

if TYPE_CHECKING:
    from .operation import Operation
    from .rate import Rate
    from .retry import RetryPolicy

_RESOLUTION = 1e-6
"""Seconds that are not worth waiting for: clocks are no finer."""

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
        self._resumes = -math.inf
        self._paused = -math.inf
        self._budget = quota.Budget()
        self._breaker = Breaker()
        self._probe = asyncio.Lock()
        self._news = asyncio.Event()

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
        async with self._unlocked(operation, url) if operation.creates else nullcontext():
            self._check_pause(operation, url, policy)
            async with line.front(again=again):
                await self._find_place(operation, url, patience)
                try:
                    turn = await self._wait(operation, url, line.rate, policy)
                except BaseException:
                    self._places.release()
                    raise
            try:
                yield turn
            finally:
                self._land(turn)
                self._places.release()

    def heard(
        self,
        turn: Turn,
        status: int,
        headers: Mapping[str, str],
        *,
        operation: Operation,
        line: Line,
        pause: float,
    ) -> None:
        """Learn from the head of an answer.

        Args:
            turn: What it answers.
            status: Its status.
            headers: Its headers.
            operation: What was called.
            line: Where the request stood.
            pause: Seconds for which to send nothing after a 429, beyond what it asks for.
        """
        self._land(turn)
        moment = now()
        wall = datetime.now(UTC)
        if (known := quota.read_quota(headers, wall)) is not None:
            self._budget.learn(known, moment, self._under_way)
            self._news.set()
        if status == 429:
            self._pause(turn, moment, quota.retry_after(headers, wall), pause)
            line.rate.rejected(turn.sent, moment, self._resumes - moment)
            line.rate.pause(self._resumes)
        elif operation.creates and status != 423:
            self._breaker.answered(status)

    def lock(self, error: errors.LockedError, cool_down: float) -> None:
        """Create nothing for a time: the portal is in read-only mode."""
        asked = min(error.retry_after or 0.0, quota.LONGEST)
        self._breaker.open(error, now() + max(cool_down, asked))

    def _pause(self, turn: Turn, moment: float, asked: float | None, pause: float) -> None:
        floor = min(asked or 0.0, quota.LONGEST)
        if turn.sent <= self._paused:  # It was on its way already: the same event.
            self._resumes = max(self._resumes, moment + floor)
            return
        self._resumes = max(self._resumes, moment + floor + pause)
        self._paused = moment
        _log.info("429: no request for %.1f s", self._resumes - moment)

    @asynccontextmanager
    async def _unlocked(self, operation: Operation, url: str) -> AsyncGenerator[None]:
        """Only go on with what creates something if the portal is not known to be locked."""
        self._check_lock(operation, url)
        if self._breaker.is_open:
            async with self._probe:  # One tries, the others wait for what it is told.
                self._check_lock(operation, url)
                if self._breaker.is_open:
                    yield
                    return
        yield

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

    async def _wait(self, operation: Operation, url: str, rate: Rate, policy: RetryPolicy) -> Turn:
        """Wait for the right moment."""
        while True:
            self._check_lock(operation, url)
            self._check_pause(operation, url, policy)
            moment = now()
            held = max(self._resumes - moment, self._budget.delay(moment, self._under_way))
            delay = max(rate.delay(moment), held)
            if delay <= _RESOLUTION:
                break
            self._news.clear()
            with suppress(builtins.TimeoutError):
                async with asyncio.timeout(None if delay == math.inf else delay):
                    await self._news.wait()
        rate.take(moment)
        self._budget.take(moment)
        self._under_way += 1
        return Turn(moment)

    def _land(self, turn: Turn) -> None:
        if not turn.is_answered:
            turn.is_answered = True
            self._under_way -= 1
            if self._budget.is_known:
                self._news.set()

    def _check_pause(self, operation: Operation, url: str, policy: RetryPolicy) -> None:
        moment = now()
        left = self._resumes - moment
        if not self._under_way:
            left = max(left, self._budget.delay(moment, 0))
        if left > max(policy.max_wait, _RESOLUTION):
            raise errors.RateLimitedError(
                "the portal wants no request before that",
                operation=operation.id,
                method=operation.method,
                url=url,
                status=429,
                retry_after=left,
            )

    def _check_lock(self, operation: Operation, url: str) -> None:
        left = self._breaker.left(now()) if operation.creates else 0.0
        if left > _RESOLUTION:
            assert self._breaker.locked is not None
            raise errors.LockedError(
                self._breaker.locked.message,
                operation=operation.id,
                method=operation.method,
                url=url,
                status=423,
                retry_after=left,
            )


def now() -> float:
    """Seconds by the clock of the event loop, which all of this goes by."""
    return asyncio.get_running_loop().time()
