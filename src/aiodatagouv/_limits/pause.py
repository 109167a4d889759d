"""The pause of a whole client after a 429. No waiting."""

from __future__ import annotations

import math

from attrs import define


@define
class Pause:
    """The time during which nothing is sent.

    Times are seconds by any clock.

    Attributes:
        asked_until: Until when the portal wants no request.
        resumes_at: When requests are sent again, a little later than the portal asks for.
    """

    asked_until: float = -math.inf
    resumes_at: float = -math.inf
    _since: float = -math.inf
    """When it began: rejections of earlier requests belong to it."""

    def rejected(self, sent: float, now: float, asked: float, extra: float) -> bool:
        """Learn that a request was answered 429; return whether a pause begins with it.

        Args:
            sent: When the request was sent.
            now: The time.
            asked: Seconds that the portal asks to wait.
            extra: Seconds to wait beyond that, if a pause begins.
        """
        self.asked_until = max(self.asked_until, now + asked)
        if sent <= self._since:  # It was in flight already: the same event.
            self.resumes_at = max(self.resumes_at, self.asked_until)
            return False
        self.resumes_at = max(self.resumes_at, now + asked + extra)
        self._since = now
        return True
