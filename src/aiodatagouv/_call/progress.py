"""The progress of a call: its attempts, its failures, and the time that it has waited."""

from __future__ import annotations

from attrs import define, field

from .. import errors
from .._events import Events
from .._limits.gate import now


@define
class Progress:
    """The state of a call. Times are those of the event loop."""

    events: Events
    started: float = field(factory=now)
    attempts: int = 0
    """How often it was sent."""
    failures: int = 0
    """How often it has failed, locks aside."""
    waited: float = 0.0
    since: float = field(factory=now)
    """Since when it has been waiting to be sent."""
    failed_at: float | None = None
    """When it first failed."""
    locked_at: float | None = None
    """When it was first refused because the portal is locked."""
    start_by: float | None = None
    """The latest time at which it may be sent again."""
    error: errors.DataGouvError | None = None
    """The error of the last attempt."""

    def stamp(self, error: errors.DataGouvError) -> None:
        """Record the attempts and the waiting in an error."""
        error.attempts = self.attempts
        error.waited = self.waited + now() - self.since
