"""The circuit breaker of calls that create content, for a portal in read-only mode. No waiting."""

from __future__ import annotations

from attrs import define


@define
class Breaker:
    """Open after a 423: nothing is created until a given time; then one call may probe.

    Times are seconds by any clock.

    Attributes:
        message: The portal's own words.
        until: When the portal may be probed.
        is_open: Whether the portal was locked when it was last asked.
    """

    message: str = ""
    until: float = 0.0
    is_open: bool = False
    _since: float = 0.0

    def open(self, message: str, now: float, until: float) -> None:
        """Open: the portal is locked."""
        self.message, self.until, self._since = message, until, now
        self.is_open = True

    def observe(self, status: int, sent: float) -> None:
        """Learn the status, other than 423 and 429, of a call that creates content."""
        # A redirect or a 401 may be sent before the portal checks its mode.
        was_checked = status < 300 or (400 <= status < 500 and status != 401)
        if was_checked and sent >= self._since:
            self.is_open = False

    def left(self, now: float) -> float:
        """Seconds during which nothing may be created."""
        return max(0.0, self.until - now) if self.is_open else 0.0
