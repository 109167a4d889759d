"""The portal's quota, as the headers of its responses state it. No waiting."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime

from attrs import define, frozen

from .._decoding.dates import read_http_date

LONGEST = 24 * 3600.0
"""The longest window of a quota, in seconds: a header that says more is a mistake."""

SPARE = 0.1
"""The share of a quota that is spread over the rest of its window, so that it is not used up."""

SLOWEST = 10.0
"""The longest gap, in seconds, between two requests of that share."""

_SECONDS = re.compile(r"\d+(\.\d+)?(\s*,\s*\d+(\.\d+)?)*", re.ASCII)
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)


@frozen
class Quota:
    """The state of a quota.

    Attributes:
        limit: Requests in each window, infinite when not stated.
        remaining: Requests left in this window.
        reset: When the next window begins, as the portal states it (Unix seconds).
        resets_in: Seconds until then.
    """

    limit: float
    remaining: float
    reset: float
    resets_in: float


def read_quota(headers: Mapping[str, str], now: datetime) -> Quota | None:
    """Read ``X-RateLimit-*``; None if absent or implausible.

    Args:
        headers: The headers of a response. Its ``Date``, if any, is the portal's clock, which may
            differ from this machine's.
        now: The time of its arrival.
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


def is_told(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a response tells anything about the limits of the portal: few do."""
    return status in (423, 429) or "X-RateLimit-Remaining" in headers


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that a response asks to wait, None if it does not say.

    It asks by ``Retry-After``, in seconds or with a date, or by a quota that is used up; the longer
    one counts. The arguments are those of :func:`read_quota`.
    """
    text = headers.get("Retry-After", "").strip()
    asked: list[float] = []
    if _SECONDS.fullmatch(text):  # Each proxy on the way may have added one.
        asked += [float(one) for one in text.split(",")]
    elif (moment := read_http_date(text)) is not None:
        asked.append(max(0.0, (moment - _portal_time(headers, now)).total_seconds()))
    quota = read_quota(headers, now)
    if quota is not None and not quota.remaining:
        asked.append(quota.resets_in)
    return max(asked, default=None)


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _portal_time(headers: Mapping[str, str], now: datetime) -> datetime:
    return read_http_date(headers.get("Date", "")) or now


@define
class Budget:
    """The requests left of the portal's quota, estimated while requests are in flight.

    Times are seconds by any clock.
    """

    _limit: float = math.inf
    _left: float = math.inf
    _least: float = math.inf
    """The least number left that a response has stated."""
    _reset: float = -math.inf
    """The reset that the portal stated last: a later one is a new window."""
    _resets_at: float = -math.inf
    _ends: float = -math.inf
    """When that window ends, or has ended."""
    _shut: float = -math.inf
    """Until when nothing is left, as a response has stated."""
    _next: float = -math.inf

    @property
    def is_known(self) -> bool:
        """Whether there is a quota."""
        return self._left < math.inf

    def shut(self, now: float) -> float:
        """Seconds during which nothing is left, as the portal has stated."""
        return max(0.0, self._shut - now)

    def delay(self, now: float, in_flight: int) -> float:
        """Seconds that the next request must wait; infinite: until a response says more.

        Args:
            now: The time.
            in_flight: The number of requests without a response yet.
        """
        if self._resets_at <= now:  # A new window, of which those in flight may use some.
            self._left, self._resets_at = self._limit - in_flight, math.inf
            self._next = -math.inf
        if self._left >= 1:
            return max(self.shut(now), self._next - now)
        if self._resets_at < math.inf or in_flight:
            return self._resets_at - now
        # Nothing is known of the new window: one request must be sent to learn about it.
        return self.shut(now)

    def take(self, now: float) -> None:
        """Count a request that is sent now."""
        self._left -= 1
        is_spare = 1 <= self._left < SPARE * self._limit < math.inf
        if is_spare and now < self._resets_at < math.inf:
            gap = (self._resets_at - now) / (self._left + 1)
            self._next = now + min(gap, SLOWEST)

    def observe(self, quota: Quota, now: float, in_flight: int) -> None:
        """Learn the quota that a response states.

        Args:
            quota: The quota.
            now: The time.
            in_flight: The number of other requests without a response: it may count them or not.
        """
        if not quota.remaining:
            self._shut = max(self._shut, now + quota.resets_in)
        if quota.reset < self._reset and now < self._ends:
            return  # A late response, about a window that is over.
        if quota.reset != self._reset:  # It is earlier if the portal's clock was set back.
            self._least, self._next = quota.remaining, -math.inf
            self._left = math.inf
        # Responses do not arrive in the order in which they were made.
        self._least = min(self._least, quota.remaining)
        surely = self._least - in_flight
        self._left = min(self._left, surely) if in_flight else surely
        self._limit, self._reset = quota.limit, quota.reset
        self._resets_at = self._ends = now + quota.resets_in
