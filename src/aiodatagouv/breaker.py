"""Whether anything is to be created on a portal that was in read-only mode. No waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from .errors import LockedError

_ANSWERED = 500
_SAYS_NOTHING = frozenset({401, 429})
"""What a portal may answer before it comes to look at its mode."""


@define
class Breaker:
    """Open after a 423: nothing is created until a time. Then one call may try.

    Attributes:
        locked: What the portal said, None when it is not locked.
        until: When it may be tried, in seconds by any clock.
    """

    locked: LockedError | None = None
    until: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the portal was locked when it was last asked."""
        return self.locked is not None

    def open(self, error: LockedError, until: float) -> None:
        """Learn that the portal is locked."""
        self.locked, self.until = error, until

    def answered(self, status: int) -> None:
        """Learn what a call that creates something was answered, other than 423."""
        if status < _ANSWERED and status not in _SAYS_NOTHING:
            self.locked = None

    def left(self, now: float) -> float:
        """Seconds for which nothing may be created."""
        return 0.0 if self.locked is None else max(0.0, self.until - now)
