"""The rate of requests: given, or found by trying. No waiting."""

from __future__ import annotations

import math

from ._checks import is_number

RATE = 5.0
"""Requests a second by default: about half of the rate that is known to get an address banned."""

BURST = 10.0
"""Requests that may be sent within a second after a pause: more would look like an attack."""

_LEAST, _MOST = 1e-300, 1e300
"""The numbers of requests that can be reckoned with."""


class Rate:
    """A number of requests a second, evenly spaced. Times are seconds by any clock.

    Args:
        rate: Requests a second; ``math.inf`` for no limit.
        burst: Requests that may be sent at once after a pause. When None, as many as keep every
            second at ten requests or fewer.

    Raises:
        ValueError: The rate is not positive, or the burst below 1 or infinite.
    """

    def __init__(self, rate: float, *, burst: float | None = None) -> None:
        if not (is_number(rate) and (rate == math.inf or _LEAST <= rate <= _MOST)):
            raise ValueError(f"rate is {rate!r}: it must be requests a second above 0")
        if burst is not None and not (is_number(burst) and 1 <= burst <= _MOST):
            raise ValueError(f"burst is {burst!r}: it must be a finite number, at least 1 request")
        self.rate = rate
        self.burst = burst
        self._next = 0.0
        self._paused_until = -math.inf

    @property
    def interval(self) -> float:
        """Seconds between two requests."""
        return 1 / self.rate

    @property
    def _ahead(self) -> float:
        """Seconds that a request may be early."""
        burst = self.burst or max(1.0, min(self.rate, BURST - self.rate))
        return (burst - 1) * self.interval

    def delay(self, now: float) -> float:
        """Seconds until the next request may be sent."""
        if self._next <= now:  # The usual case of a client that sends few requests.
            return 0.0
        # A large burst may swallow the end of a pause.
        return max(0.0, self._paused_until - now, self._next - self._ahead - now)

    def take(self, now: float) -> None:
        """Count a request that is sent now."""
        self._next = max(self._next, now) + self.interval

    def pause(self, until: float) -> None:
        """Send nothing before a given time, and no burst after it."""
        self._next = max(self._next, until + self._ahead)
        self._paused_until = max(self._paused_until, until)

    def rejected(self, sent: float, now: float, pause: float) -> None:
        """Learn that a request was answered 429. A given rate does not change.

        Args:
            sent: When the request was sent.
            now: The time.
            pause: Seconds during which nothing is sent now.
        """


class AdaptiveRate(Rate):
    """The highest rate that a portal accepts, found by trying.

    It grows with every request that it delays, so that it doubles in less than a second, until one
    is rejected. From then on it follows a cubic curve, as TCP's congestion window does: down by a
    factor, quickly back to the rate that was rejected, slowly past it, then faster. Only the time
    during which requests were delayed counts: a client that sends few learns nothing of the limit.
    """

    START = 25.0
    """The first rate, in requests a second."""

    DOWN = 0.85
    """The factor by which a rejection lowers the rate."""

    FAR_DOWN = 0.7
    """The same while the limit may still be far below."""

    SOON = 45
    """Delayed requests after a rejection; another one before that means that the limit is far."""

    BACK = 8.0
    """The least seconds until the rate is back, which risks the next rejection."""

    PATIENCE = 100
    """The least number of requests until then."""

    COST = 20.0
    """The least ratio of that time to the pause after a rejection."""

    def __init__(self) -> None:
        super().__init__(self.START)
        self._peak = 0.0
        self._back = 0.0
        self._since = 0.0
        self._delayed = 0
        self._last = float("-inf")

    def take(self, now: float) -> None:
        """Count a request that is sent now; grow if it was delayed."""
        if now - self._next < self.interval:  # Delayed, or nearly.
            self._grow()
        super().take(now)

    def rejected(self, sent: float, now: float, pause: float) -> None:
        """Slow down after a 429."""
        if sent < self._last:
            return  # Sent before the last rejection: it says nothing of the rate since.
        is_far = not self._peak or self._delayed < self.SOON
        self._peak = self.rate * (self.FAR_DOWN / self.DOWN if is_far else 1)
        self.rate = self._peak * self.DOWN
        self._back = max(self.BACK, self.PATIENCE * self.interval, self.COST * pause)
        self._since, self._delayed, self._last = 0.0, 0, now

    def _grow(self) -> None:
        self._delayed += 1
        if not self._peak:
            self.rate += 1
            return
        self._since += self.interval
        curve = (self._since / self._back - 1) ** 3
        self.rate = self._peak * (1 + (1 - self.DOWN) * curve)
