"""The limits of a portal, as learned from its responses. No waiting."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from .. import errors
from .._events import milliseconds
from ..operation import Operation
from ..rate import Rate
from . import quota
from .breaker import Breaker
from .line import Applicant, Permit, Queue
from .pause import Pause

RESOLUTION = 1e-6
"""Seconds below which waiting makes no sense: clocks are no finer."""

_log = logging.getLogger("aiodatagouv")


class Limits:
    """The pause, the quota and the lock of a portal, with the requests in flight.

    Times are seconds by any clock.
    """

    def __init__(self) -> None:
        self.breaker = Breaker()
        self.in_flight = 0
        self._pause = Pause()
        self._budget = quota.Budget()

    @property
    def has_quota(self) -> bool:
        """Whether the end of a request may let another one be sent, because of a quota."""
        return self._budget.is_known

    def delay(self, queues: Sequence[Queue], now: float) -> float:
        """Seconds until a request of these queues may be sent; infinite: until a response."""
        delay = self._budget.delay(now, self.in_flight)
        for queue in queues:
            delay = max(delay, self.rate_delay(queue.rate, now))
        return delay

    def rate_delay(self, rate: Rate, now: float) -> float:
        """Seconds until a rate allows a request."""
        if self._pause.resumes_at > now:
            rate.pause(self._pause.resumes_at)
        return rate.delay(now)

    def take(self, queues: Sequence[Queue], now: float) -> None:
        """Count a request that is sent now."""
        for queue in queues:
            queue.rate.take(now)
        self._budget.take(now)
        self.in_flight += 1

    def asked(self, now: float) -> float:
        """Seconds during which the portal wants no request."""
        return max(self._pause.asked_until - now, self._budget.shut(now))

    def is_locked(self, now: float) -> bool:
        """Whether nothing may be created."""
        return self.breaker.left(now) > RESOLUTION

    def refusal(self, request: Applicant, now: float) -> errors.APIError | None:
        """The error for a request that must not wait for the portal; None if it may.

        It is a ``RateLimitedError`` if the portal wants no request for longer than the policy
        waits, a ``LockedError`` if it is in read-only mode.
        """
        operation = request.operation
        if operation.creates and self.is_locked(now):
            kind: type[errors.APIError] = errors.LockedError
            status, message, left = 423, self.breaker.message, self.breaker.left(now)
        else:
            left = self.asked(now)
            if left <= max(request.policy.max_wait, RESOLUTION):
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

    def observe(
        self,
        permit: Permit,
        status: int,
        headers: Mapping[str, str],
        *,
        operation: Operation,
        pause: float,
        cool_down: float,
        now: float,
        wall: datetime,
    ) -> None:
        """Learn from the head of a response; see :meth:`.gate.Gate.observe`.

        The times are those of its arrival: by the clock of the limits, and by that of the machine.
        """
        if (known := quota.read_quota(headers, wall)) is not None:
            self._budget.observe(known, now, self.in_flight)
        asked = min(quota.retry_after(headers, wall) or 0.0, quota.LONGEST)
        if status == 429:
            if self._pause.rejected(permit.sent, now, asked, pause):
                _log_pause(self._pause.resumes_at - now)
            for queue in permit.queues:
                queue.rate.rejected(permit.sent, now, self._pause.resumes_at - now)
        elif status == 423:
            phrase = "the portal is in read-only mode"
            self.breaker.open(phrase, now, now + max(cool_down, asked))
        elif operation.creates:
            self.breaker.observe(status, permit.sent)


def _log_pause(wait: float) -> None:
    fields = {"event": "pause", "status": 429, "wait_ms": milliseconds(wait)}
    _log.info("429: no request for %.1f s", wait, extra=fields)
