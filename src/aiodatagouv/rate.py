"""How fast requests are sent: evenly, at a rate that is given or one that is found. No waiting."""

from __future__ import annotations

import math

BURST = 10.0
"""Requests that may go within a second when none went before: more would look like an attack."""


class Rate:
    """A number of requests a second, evenly. Times are seconds by any clock.

    Args:
        rate: Requests a second; ``math.inf`` for any number.
        burst: How many may go at once after a time without requests. When None, as many as leave no
            second with more than ten.

    Raises:
        ValueError: The rate is not positive, or the burst below 1.
    """

    def __init__(self, rate: float, *, burst: float | None = None) -> None:
        if not (rate > 0 and 1 / rate < math.inf):
            raise ValueError(f"rate is {rate!r}: it must be requests a second above 0")
        if burst is not None and not burst >= 1:
            raise ValueError(f"burst is {burst!r}: it must be at least 1 request")
        self.rate = rate
        self._burst = burst
        self._next = 0.0

    @property
    def interval(self) -> float:
        """Seconds from one request to the next."""
        return 1 / self.rate

    @property
    def _ahead(self) -> float:
        """Seconds that a request may come before its time."""
        burst = self._burst or max(1.0, min(self.rate, BURST - self.rate))
        return (burst - 1) * self.interval

    def delay(self, now: float) -> float:
        """How many seconds the next request is away."""
        return max(0.0, self._next - self._ahead - now)

    def take(self, now: float) -> None:
        """Send the next request now."""
        self._next = max(self._next, now) + self.interval

    def pause(self, until: float) -> None:
        """Send nothing before a time, and then one by one."""
        self._next = max(self._next, until + self._ahead)

    def rejected(self, sent: float, now: float, pause: float) -> None:
        """Learn that a request was one too many: a rate that was given stays as it is.

        Args:
            sent: When it was sent.
            now: The time.
            pause: How many seconds nothing is sent now.
        """


class AdaptiveRate(Rate):
    """The rate that a portal takes, found by trying.

    It is raised with every request that it held back, so that it doubles in less than a second,
    until one is rejected. From then on it follows a cubic curve, as TCP's congestion window does:
    down by a part, back quickly to where it was rejected, slowly past that point, then faster. What
    counts is the time in which requests were held back: who sends few learns nothing of the limit.
    """

    START = 20.0
    """Requests a second to begin with."""

    DOWN = 0.85
    """What is left of the rate after a rejection."""

    FAR_DOWN = 0.7
    """What is left of it while the limit may still be far below."""

    SOON = 10
    """So many requests after the last rejection, another one says that it is."""

    BACK = 8.0
    """Seconds until it is where it was, at least; that risks the next rejection."""

    PATIENCE = 100
    """Requests until then, at least."""

    COST = 20.0
    """How many times as long that takes as the pause after a rejection, at least."""

    def __init__(self) -> None:
        super().__init__(self.START)
        self._peak = 0.0
        self._back = 0.0
        self._since = 0.0
        self._held_back = 0
        self._last = float("-inf")

    def take(self, now: float) -> None:
        """Send the next request now, and the ones after it a little faster."""
        if now - self._next < self.interval:  # Held back, or nearly: it would have gone before.
            self._grow()
        super().take(now)

    def rejected(self, sent: float, now: float, pause: float) -> None:
        """Learn that a request was one too many, and slow down."""
        if sent < self._last:
            return  # On its way since before the last one: it says nothing of the rate since.
        is_far = not self._peak or self._held_back < self.SOON
        self._peak = self.rate * (self.FAR_DOWN / self.DOWN if is_far else 1)
        self.rate = self._peak * self.DOWN
        self._back = max(self.BACK, self.PATIENCE * self.interval, self.COST * pause)
        self._since, self._held_back, self._last = 0.0, 0, now

    def _grow(self) -> None:
        self._held_back += 1
        if not self._peak:
            self.rate += 1
            return
        self._since += self.interval
        curve = (self._since / self._back - 1) ** 3
        self.rate = self._peak * (1 + (1 - self.DOWN) * curve)
