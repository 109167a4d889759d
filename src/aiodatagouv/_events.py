"""The events of a call: logged with fields, and passed on to hooks and to an observer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Protocol, Self, TypeAlias, TypeVar

from attrs import frozen

from . import _http
from .errors import APIError, DataGouvError, DownloadError
from .operation import Operation
from .retry import Retry

OnResponse: TypeAlias = Callable[[_http.Response], object]
"""Called with the response of every attempt; not with redirects that are followed."""

OnRetry: TypeAlias = Callable[[Retry], object]
"""Called before the wait for another attempt."""

T = TypeVar("T")

_NOTHING = nullcontext()

_log = logging.getLogger("aiodatagouv")


@frozen
class Sent:
    """A request that was sent, and its outcome.

    Attributes:
        attempt: The number of the attempt, from 1; redirects are requests of the same attempt.
        status: The status of the answer, None if there was none.
        waited: Seconds since the request before has ended, or since the call has begun; of a
            download, since what an earlier one has left was read.
        took: Seconds from sending it to the end of its answer.
        size: The bytes of the answer's body, as received.
    """

    attempt: int
    status: int | None
    waited: float
    took: float
    size: int


class Watch(Protocol):
    """The observer of one call."""

    def current(self) -> AbstractContextManager[object]:
        """A context in which the call is sent, until its answer begins or is read."""
        ...

    def sent(self, request: Sent) -> None:
        """Observe a request, once its answer has ended."""

    def retried(self, retry: Retry) -> None:
        """Observe that the call will be sent again."""

    def ended(self, error: BaseException | None) -> None:
        """Observe the end of the call, with its error if it failed."""


Observer: TypeAlias = Callable[[Operation, str], Watch]
"""Begins to observe a call, given its operation and its URL."""


@frozen
class Events:
    """Reports the events of one call, which begins now and ends when this context is left.

    Attributes:
        operation: The operation that is called.
        on_retry: The client's hook.
        watch: The observer of the call, if the client has one.
    """

    operation: Operation
    on_retry: OnRetry | None
    watch: Watch | None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.watch is not None:
            self.watch.ended(error)

    def current(self) -> AbstractContextManager[object]:
        """See :class:`Watch`."""
        return _NOTHING if self.watch is None else self.watch.current()

    def sent(self, request: Sent) -> None:
        """Log a request, and report it."""
        if _log.isEnabledFor(logging.DEBUG):
            self._log_request(request)
        if self.watch is not None:
            self.watch.sent(request)

    def _log_request(self, request: Sent) -> None:
        fields = {
            "event": "request",
            "operation": self.operation.name,
            "status": request.status,
            "attempt": request.attempt,
            "waited_ms": milliseconds(request.waited),
            "took_ms": milliseconds(request.took),
            "size": request.size,
        }
        outcome = "no answer" if request.status is None else str(request.status)
        line = "%s: %s, attempt %d, waited %.0f ms, took %.0f ms, %d bytes"
        values = (self.operation.name, outcome, request.attempt)
        times = (fields["waited_ms"], fields["took_ms"])
        _log.debug(line, *values, *times, request.size, extra=fields)

    def retried(self, error: DataGouvError, attempt: int, wait: float) -> None:
        """Log that the call will be sent again, and report it; see :class:`Retry`."""
        retry = Retry(self.operation, error, attempt, wait)
        fields = {
            "event": "retry",
            "operation": self.operation.name,
            "status": status_of(error),
            "error": type(error).__name__,
            "attempt": attempt,
            "wait_ms": milliseconds(wait),
        }
        _log.info("%s; again in %.1f s", error, wait, extra=fields)
        if self.on_retry is not None:
            self.on_retry(retry)
        if self.watch is not None:
            self.watch.retried(retry)


def status_of(error: BaseException) -> int | None:
    """The status of the answer that an error is about, None if there was none."""
    return error.status if isinstance(error, APIError | DownloadError) else None


def milliseconds(seconds: float) -> float:
    """A time as the fields of log records have it: in milliseconds, with one decimal."""
    return round(seconds * 1000, 1)


def both(first: Callable[[T], object], then: Callable[[T], object] | None) -> Callable[[T], object]:
    """A hook that calls two others."""
    if then is None:
        return first

    def call(value: T) -> None:
        first(value)
        then(value)

    return call
