"""Whether a call that failed is made again, and when. Decisions only: the client waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen, validators

from .errors import APIError, NetworkError, RateLimitedError, RedirectError

if TYPE_CHECKING:
    from .errors import DataGouvError
    from .operation import Operation

IDEMPOTENT = frozenset({"GET", "PUT", "DELETE"})
"""The methods that do no harm when a call is carried out twice."""

TRANSIENT = frozenset({500, 502, 503, 504})
"""The statuses after which the same call may well succeed."""


@frozen(kw_only=True)
class RetryPolicy:
    """When to make a call again: full-jitter exponential backoff.

    Calls that read and writes that may be carried out twice (PUT, DELETE) are made again after a
    connection failed, timed out or broke off, and after 500, 502, 503 and 504; any call after 429.

    Attributes:
        attempts: How often a call is made at most, the first time included.
        base: Seconds that the first wait has at most; each further one has twice as many.
        max_wait: Seconds that a wait grows to at most. When the portal asks for a longer one, the
            error is raised at once; a shorter one of its own is waited for and then some.
        deadline: Seconds after the first failure after which no further attempt starts.
    """

    attempts: int = field(default=5, validator=validators.ge(1))
    base: float = field(default=0.5, validator=validators.ge(0))
    max_wait: float = field(default=60, validator=validators.ge(0))
    deadline: float = field(default=300, validator=validators.ge(0))

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
            error: How it failed.
            attempt: Which attempt that was, from 1.
            elapsed: Seconds since the first one failed.
            jitter: A random number from 0 to 1, so that many who failed at once do not come back
                at once.
        """
        if attempt >= self.attempts or not self._is_worth_it(operation, error):
            return None
        floor = 0.0 if not isinstance(error, APIError) else error.retry_after or 0.0
        # Not before the time that the portal asks for, only after.
        wait = floor + jitter * min(self.max_wait, self.base * 2 ** min(attempt - 1, 64))
        is_too_long = floor > self.max_wait or elapsed + wait > self.deadline
        return None if is_too_long else wait

    def _is_worth_it(self, operation: Operation, error: DataGouvError) -> bool:
        if isinstance(error, RateLimitedError):
            return True
        if isinstance(error, APIError):
            is_transient = error.status in TRANSIENT
        else:
            is_transient = isinstance(error, NetworkError) and not isinstance(error, RedirectError)
        return is_transient and operation.method in IDEMPOTENT
