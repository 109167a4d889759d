"""Whether a call that failed is made again, and when. Decisions only: the client waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import Attribute, field, frozen, validators

from .errors import (
    APIError,
    LockedError,
    NetworkError,
    NotJSONError,
    RateLimitedError,
    RedirectError,
    UnreachableError,
)

if TYPE_CHECKING:
    from .errors import DataGouvError
    from .operation import Operation

IDEMPOTENT = frozenset({"GET", "PUT", "DELETE"})
"""The methods that do no harm when a call is carried out twice."""

TRANSIENT = frozenset({500, 502, 503, 504})
"""The statuses after which the same call may well succeed."""


def _is_long_enough(
    policy: RetryPolicy, attribute: Attribute[float], wait_for_unlock: float
) -> None:
    if wait_for_unlock and wait_for_unlock < policy.cool_down:
        raise ValueError(
            f"wait_for_unlock is {wait_for_unlock!r}: the portal is asked again after cool_down, "
            f"{policy.cool_down:g} seconds, so wait at least as long, or not at all (0)"
        )


@frozen(kw_only=True)
class RetryPolicy:
    """When to make a call again: full-jitter exponential backoff.

    Calls that read and writes that may be carried out twice (PUT, DELETE) are made again after a
    connection failed, timed out or broke off, after 500, 502, 503 and 504, and after an answer that
    is no JSON at all. The other writes (POST, PATCH) are made again only when they cannot have been
    carried out: the connection was not made, or the answer was 429. For other decisions, derive a
    class and override :meth:`wait`.

    Attributes:
        attempts: How often a call is made at most, the first time included.
        base: Seconds that the first wait has at most; each further one has twice as many.
        max_wait: Seconds that a wait grows to at most. When the portal asks for a longer one, the
            error is raised at once; a shorter one of its own is waited for and then some.
        deadline: Seconds after the first failure after which no further attempt starts; a wait that
            would go beyond is not begun.
        unsafe: Whether POST and PATCH are made again like the others, although they may then be
            carried out twice.
        cool_down: Seconds for which nothing more is created once the portal has answered 423, for
            it is in read-only mode.
        wait_for_unlock: Seconds for which a call that creates something waits for the end of that
            mode. One such call asks the portal after each ``cool_down``, the others wait for what
            it is told. When 0, they all fail at once.
    """

    attempts: int = field(default=8, validator=validators.ge(1))
    base: float = field(default=0.25, validator=validators.ge(0))
    max_wait: float = field(default=60, validator=validators.ge(0))
    deadline: float = field(default=300, validator=validators.ge(0))
    unsafe: bool = False
    cool_down: float = field(default=60, validator=validators.ge(0))
    wait_for_unlock: float = field(default=0.0, validator=[validators.ge(0), _is_long_enough])

    def wait(
        self,
        operation: Operation,
        error: DataGouvError,
        *,
        attempt: int,
        elapsed: float,
        jitter: float,
    ) -> float | None:
        """How many seconds to wait before a call is made again, or None to give up.

        Args:
            operation: What was called.
            error: How it failed. An ``APIError`` has the portal's ``response`` with its headers,
                or none when the client has refused to send the call: then the portal has asked for
                ``retry_after`` seconds of which so many are left.
            attempt: Which attempt that was, from 1, those aside that a lock (423) has ended.
            elapsed: Seconds since the first one failed; for a lock, since it was met first.
            jitter: A random number from 0 to 1, so that many who failed at once do not come back
                at once.
        """
        asked = error.retry_after if isinstance(error, APIError) else None
        if isinstance(error, LockedError):
            wait = self.cool_down if asked is None else asked
            return wait if elapsed + wait <= self.wait_for_unlock else None
        if attempt >= self.attempts or not self._is_worth_it(operation, error):
            return None
        floor = asked or 0.0
        # Not before the time that the portal asks for, only after.
        wait = floor + self.backoff(attempt, jitter)
        is_too_long = floor > self.max_wait or elapsed + wait > self.deadline
        return None if is_too_long else wait

    def backoff(self, attempt: int, jitter: float) -> float:
        """How many seconds to wait when the portal does not ask for any; see :meth:`wait`."""
        return jitter * min(self.max_wait, self.base * 2.0 ** min(attempt - 1, 64))

    def _is_worth_it(self, operation: Operation, error: DataGouvError) -> bool:
        if isinstance(error, RedirectError | UnreachableError):
            return False
        if isinstance(error, RateLimitedError):
            return True
        if isinstance(error, NetworkError) and not error.is_sent:
            return True
        if isinstance(error, APIError):
            is_transient = error.status in TRANSIENT
        else:
            is_transient = isinstance(error, NetworkError | NotJSONError)
        return is_transient and (self.unsafe or operation.method in IDEMPOTENT)


NEVER = RetryPolicy(attempts=1, base=0, max_wait=0, deadline=0)
"""Makes no call again, and waits for nothing that the portal asks for: that is an error too."""


@frozen
class Retry:
    """A call that is about to be made again, as ``on_retry`` is told.

    Attributes:
        operation: What was called.
        error: How it failed.
        attempt: How often it has been sent until now; 0 if the client has refused so far.
        wait: Seconds until the next attempt; then it still waits for its turn.
    """

    operation: Operation
    error: DataGouvError
    attempt: int
    wait: float
