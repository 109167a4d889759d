"""Whether anything is to be created on a portal that was in read-only mode. No waiting."""

from __future__ import annotations

from attrs import define


@define
class Breaker:
    """Open after a 423: nothing is created until a time. Then one call may try.

    Times are seconds by any clock.

    Attributes:
        message: What the portal said.
        until: When it may be tried.
        is_open: Whether the portal was locked when it was last asked.
    """

    message: str = ""
    until: float = 0.0
    is_open: bool = False
    _since: float = 0.0

    def open(self, message: str, now: float, until: float) -> None:
        """Learn that the portal is locked."""
        self.message, self.until, self._since = message, until, now
        self.is_open = True

    def answered(self, status: int, sent: float) -> None:
        """Learn what a call that creates something was answered, other than 423 and 429."""
        # A redirect, and a 401, may come before the portal looks at its mode.
        has_looked = status < 300 or (400 <= status < 500 and status != 401)
        if has_looked and sent >= self._since:
            self.is_open = False

    def left(self, now: float) -> float:
        """Seconds for which nothing may be created."""
        return max(0.0, self.until - now) if self.is_open else 0.0
