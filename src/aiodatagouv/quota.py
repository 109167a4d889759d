"""What a portal says of how often it may be called, in the headers of its answers. No waiting."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from attrs import define, frozen

LONGEST = 24 * 3600.0
"""Seconds: no quota lasts longer than a day. What says so is a mistake."""

SPARE = 0.1
"""The part of a quota that is spread over the time that is left, so that it is not used up."""

SLOWEST = 10.0
"""Seconds between two requests of that part at most: it is no use to be polite for hours."""

_SECONDS = re.compile(r"\d+(\.\d+)?(\s*,\s*\d+(\.\d+)?)*", re.ASCII)
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)


@frozen
class Quota:
    """What is left of a number of requests.

    Attributes:
        limit: How many there are each time, infinite when not said.
        remaining: How many are left.
        reset: When there are new ones, as the portal writes it (Unix seconds).
        resets_in: How many seconds that is from now.
    """

    limit: float
    remaining: float
    reset: float
    resets_in: float


def read_quota(headers: Mapping[str, str], now: datetime) -> Quota | None:
    """What ``X-RateLimit-*`` say, None if nothing or nothing that makes sense.

    Args:
        headers: Those of the answer. If they have the portal's own ``Date``, that one counts: its
            clock may be another.
        now: The time when it came.
    """
    remaining = _number(headers.get("X-RateLimit-Remaining"))
    if remaining is None:
        return None
    reset = _number(headers.get("X-RateLimit-Reset"))
    if reset is None:
        return None
    limit = _number(headers.get("X-RateLimit-Limit"))
    resets_in = max(0.0, reset - _portal_time(headers, now).timestamp())
    if resets_in > LONGEST:
        return None
    return Quota(limit or math.inf, remaining, reset, resets_in)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """How many seconds an answer asks to wait, None if it does not say, or nobody can read it.

    It says so in ``Retry-After``, in seconds or with a date, or by a quota that is used up; both
    hold. The arguments are those of :func:`read_quota`.
    """
    text = headers.get("Retry-After", "").strip()
    asked: list[float] = []
    if _SECONDS.fullmatch(text):  # Each proxy on the way may have added one.
        asked += [float(one) for one in text.split(",")]
    elif (moment := _date(text)) is not None:
        asked.append(max(0.0, (moment - _portal_time(headers, now)).total_seconds()))
    quota = read_quota(headers, now)
    if quota is not None and not quota.remaining:
        asked.append(quota.resets_in)
    return max(asked, default=None)


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _portal_time(headers: Mapping[str, str], now: datetime) -> datetime:
    return _date(headers.get("Date", "")) or now


def _date(text: str) -> datetime | None:
    """A date as HTTP writes it."""
    try:
        moment = parsedate_to_datetime(text)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@define
class Budget:
    """What is left of the portal's quota, as far as it is known while requests are under way.

    Times are seconds by any clock.
    """

    _limit: float = math.inf
    _left: float = math.inf
    _least: float = math.inf
    """The least that an answer has spoken of."""
    _reset: float = -math.inf
    """As the portal writes it: a later one is a new quota."""
    _resets_at: float = -math.inf
    _shut: float = -math.inf
    """Until when nothing is left, as an answer has said."""
    _next: float = -math.inf

    @property
    def is_known(self) -> bool:
        """Whether there is a quota."""
        return self._left < math.inf

    def shut(self, now: float) -> float:
        """For how many seconds there is nothing left, as the portal has said."""
        return max(0.0, self._shut - now)

    def delay(self, now: float, under_way: int) -> float:
        """How many seconds the next request must wait; infinite: until an answer says more.

        Args:
            now: The time.
            under_way: How many requests have no answer yet.
        """
        if self._resets_at <= now:  # There are new ones, which those under way may come to use.
            self._left, self._resets_at = self._limit - under_way, math.inf
            self._next = -math.inf
        if self._left >= 1:
            return max(self.shut(now), self._next - now)
        if self._resets_at < math.inf or under_way:
            return self._resets_at - now
        # Nothing was heard since it was renewed: one must go for something to be heard.
        return self.shut(now)

    def take(self, now: float) -> None:
        """Send a request now, when there is nothing to wait for."""
        self._left -= 1
        is_spare = 1 <= self._left < SPARE * self._limit < math.inf
        if is_spare and now < self._resets_at < math.inf:
            gap = (self._resets_at - now) / (self._left + 1)
            self._next = now + min(gap, SLOWEST)

    def learn(self, quota: Quota, now: float, under_way: int) -> None:
        """Take in what an answer says.

        Args:
            quota: What it says.
            now: The time.
            under_way: How many other requests have no answer yet: it may have counted them or not.
        """
        if not quota.remaining:
            self._shut = max(self._shut, now + quota.resets_in)
        if quota.reset < self._reset:
            return  # It took long, and speaks of what is over.
        if quota.reset > self._reset:
            self._least, self._next = quota.remaining, -math.inf
            self._left = math.inf
        # Answers do not come in the order in which they were given.
        self._least = min(self._least, quota.remaining)
        surely = self._least - under_way
        self._left = min(self._left, surely) if under_way else surely
        self._limit, self._reset = quota.limit, quota.reset
        self._resets_at = now + quota.resets_in
