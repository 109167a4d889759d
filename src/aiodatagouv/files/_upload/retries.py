"""Retries: whether and when a failed upload is continued, as the client's policy decides."""

from __future__ import annotations

import asyncio
import random

from attrs import define, evolve

from ...errors import (
    APIError,
    DataGouvError,
    DecodeError,
    IntegrityError,
    NetworkError,
    RedirectError,
    ServerError,
    UnreachableError,
)
from ...operation import Operation
from ...retry import RetryPolicy


def is_unknown(error: DataGouvError) -> bool:
    """Whether the portal may have carried out a request that failed, or may do so the next time."""
    if isinstance(error, NetworkError):
        return error.is_sent and not isinstance(error, RedirectError | UnreachableError)
    if isinstance(error, APIError):
        return error.status >= 500 and error.response is not None
    return isinstance(error, DecodeError)


@define
class Retries:
    """The failures of an upload, or of one of its parts, and the policy that limits them.

    Requests of an upload are not repeated by the policy itself, since they create something. It is
    asked here as if they did not, once their outcome has been found out or does not matter.
    """

    policy: RetryPolicy
    operation: Operation
    failures: int = 0
    since: float | None = None

    async def pause(self, error: DataGouvError) -> bool:
        """Wait after a failure; return whether to try again."""
        now = asyncio.get_running_loop().time()
        self.failures += 1
        self.since = now if self.since is None else self.since
        if isinstance(error, IntegrityError):  # A policy knows the errors of calls only.
            error = ServerError(str(error), status=500)
        wait = self.policy.wait(
            evolve(self.operation, method="PUT"),
            error,
            attempt=self.failures,
            elapsed=now - self.since,
            jitter=random.random(),
        )
        if wait is not None:
            await asyncio.sleep(wait)
        return wait is not None

    def looks(self, size: int) -> list[float]:
        """The seconds to wait before each look for what may have been created.

        The portal may still be assembling a large file.
        """
        if self.policy.attempts == 1:
            return [0]
        step = 4 * self.policy.base
        return [0, step, 2 * step, 4 * step, *([step * size / 50e6] if size > 200e6 else [])]
