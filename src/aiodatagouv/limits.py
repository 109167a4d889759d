"""What every request of a client passes before it is sent: the rate that keeps them polite."""

from __future__ import annotations

import asyncio

_RESOLUTION = 1e-6
"""Seconds that are not worth waiting for: clocks are no finer."""


class RateLimiter:
    """Lets a number of requests through a second, in the order in which they came.

    After a pause, as many as fit into a second go at once.

    Args:
        rate: Requests a second.

    Raises:
        ValueError: The rate is not positive.
    """

    def __init__(self, rate: float) -> None:
        if not rate > 0:
            raise ValueError(f"rate is {rate!r}: it must be requests a second above 0, or None")
        self._interval = 1 / rate
        self._burst = max(0.0, 1 - self._interval)
        self._next = 0.0
        self._turn = asyncio.Lock()

    def delay(self, now: float) -> float:
        """How many seconds the next place is away, at a time in seconds."""
        return max(0.0, max(self._next, now) - self._burst - now)

    def take(self, now: float) -> None:
        """Take the next place."""
        self._next = max(self._next, now) + self._interval

    async def wait(self) -> None:
        """Wait for a place. Who gives up waiting has taken none."""
        clock = asyncio.get_running_loop().time
        async with self._turn:  # The first to come waits, the others wait for their turn.
            while (delay := self.delay(clock())) > _RESOLUTION:
                await asyncio.sleep(delay)
            self.take(clock())
