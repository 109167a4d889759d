"""The retry policy: whether a failed call is made again, and when. Decisions only, no waiting."""

from __future__ import annotations

import math

from attrs import Attribute, field, frozen, validators

from .errors import (
    APIError,
    DataGouvError,
    LockedError,
    NetworkError,
    NotJSONError,
    RateLimitedError,
    RedirectError,
    UnreachableError,
)
from .operation import Operation

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""The methods of calls that may be carried out twice."""

TRANSIENT = frozenset({500, 502, 503, 504})
"""The statuses after which the same call may succeed."""


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
    """When to make a failed call again: full-jitter exponential backoff.

    Reads and idempotent writes (PUT, DELETE) are made again after a connection failed, timed out or
    broke off, after 500, 502, 503 and 504, and after an answer that is not JSON at all. Other
    writes (POST, PATCH) are made again only when they cannot have been carried out: the connection
    was not made, or the answer was 429. For other decisions, derive a class and override
    :meth:`wait`.

    Attributes:
        attempts: The most times that a call is sent, the first one included.
        base: The longest first wait in seconds; each further one may be twice as long.
        max_wait: The longest wait in seconds. When the portal asks for a longer one, the error is
            raised at once; a shorter one is waited for, with jitter on top.
        retry_for: Seconds after the first failure during which further attempts start; a wait that
            would end later is not begun.
        deadline: Seconds for the whole call: for its turn, every attempt, the waits between them
            and the answer (of a ``Stream``, its headers). After it, the call raises the error of
            the last attempt, or a ``TimeoutError`` if none has failed. No limit by default.
        unsafe: Whether POST and PATCH are made again like the others, although they may then be
            carried out twice.
        cool_down: Seconds during which nothing is created after a 423 (read-only mode).
        wait_for_unlock: Seconds that a call which creates content waits for the end of read-only
            mode. One such call asks the portal after each ``cool_down``; the others wait for its
            outcome. When 0, they all fail at once.
    """

    attempts: int = field(default=8, validator=validators.ge(1))
    base: float = field(default=0.25, validator=validators.ge(0))
    max_wait: float = field(default=60, validator=validators.ge(0))
    retry_for: float = field(default=300, validator=validators.ge(0))
    deadline: float = field(default=math.inf, validator=validators.gt(0))
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
        """The seconds to wait before a call is made again, or None to give up.

        Args:
            operation: The operation that was called.
            error: The error. An ``APIError`` has the portal's ``response``, or none when the client
                refused to send the call: ``retry_after`` is then the rest of the time that the
                portal asked for.
            attempt: The number of this attempt, from 1; those ended by a lock (423) do not count.
            elapsed: Seconds since the first failure; for a lock, since it was first met.
            jitter: A random number from 0 to 1, so that calls that failed at once do not all come
                back at once.
        """
        asked = error.retry_after if isinstance(error, APIError) else None
        if isinstance(error, LockedError):
            wait = self.cool_down if asked is None else asked
            return wait if elapsed + wait <= self.wait_for_unlock else None
        if attempt >= self.attempts or not self._is_worth_it(operation, error):
            return None
        floor = asked or 0.0
        # Never before the time that the portal asks for, only after it.
        wait = floor + self.backoff(attempt, jitter)
        is_too_long = floor > self.max_wait or elapsed + wait > self.retry_for
        return None if is_too_long else wait

    def backoff(self, attempt: int, jitter: float) -> float:
        """The seconds to wait when the portal asks for none; see :meth:`wait`."""
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


RETRY = RetryPolicy()
"""The policy of a client that is given none."""

NEVER = RetryPolicy(attempts=1, base=0, max_wait=0, retry_for=0)
"""Never retries, and never waits for a time that the portal asks for: that is an error too."""


@frozen
class Retry:
    """A call that is about to be made again, as ``on_retry`` receives it.

    Attributes:
        operation: The operation that is called.
        error: The error of the last attempt.
        attempt: How often the call was sent so far; 0 if the client refused to send it.
        wait: Seconds until the next attempt, which then queues for its turn.
    """

    operation: Operation
    error: DataGouvError
    attempt: int
    wait: float
