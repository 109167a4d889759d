"""What every request of a client passes before it is sent: the rate that keeps them polite."""

from __future__ import annotations

import asyncio


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

    def reserve(self, now: float) -> float:
        """Take the next place, and say how many seconds it is away.

        Args:
            now: The time, in seconds.
        """
        place = max(self._next, now)
        self._next = place + self._interval
        return max(0.0, place - self._burst - now)

    async def wait(self) -> None:
        """Wait for a place."""
        await asyncio.sleep(self.reserve(asyncio.get_running_loop().time()))
