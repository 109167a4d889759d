"""The lines in which requests wait: in order, those that are sent again before the others.

Joining, leaving and finding the front take the same time however long a line is.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from attrs import define, frozen

from ..operation import Operation
from ..rate import Rate
from ..retry import RetryPolicy


class OutOfTimeError(Exception):
    """A call takes too long, or its next attempt would start too late."""


@frozen
class Applicant:
    """A request that asks for admission.

    Attributes:
        operation: The operation that is called.
        url: Its URL, for errors.
        queues: The queues that it passes, the client's own first, its parent's after it.
        policy: How long it may wait for the portal.
        is_retry: Whether the call was sent before: it goes before those that were not.
        patience: Seconds to wait for a free connection; no limit when None.
    """

    operation: Operation
    url: str
    queues: Sequence[Queue]
    policy: RetryPolicy
    is_retry: bool
    patience: float | None


@define(eq=False)
class Waiter:
    """A request that waits in a line.

    Attributes:
        request: The request.
        answer: Its permit, or the error that ends its waiting.
        line: The line in which it waits.
        is_probe: Whether it will find out if the portal is still locked.
        tires_at: When it stops waiting for a free connection, if it waits for one.
    """

    request: Applicant
    answer: asyncio.Future[Permit]
    line: Line | None = None
    is_probe: bool = False
    tires_at: float | None = None


@define
class Permit:
    """The permission to send one request, which holds one of the connections.

    Attributes:
        sent: When the request was sent.
        queues: The queues that it passed.
        is_probe: Whether it finds out if the portal is still locked.
        is_released: Whether it was answered, or never will be.
    """

    sent: float
    queues: Sequence[Queue]
    is_probe: bool
    is_released: bool = False


class Line:
    """Requests that wait, in order.

    Attributes:
        first: Those that compete for the front: requests that are sent again, queues, each for its
            own front, and one of the other requests. None is overtaken.
    """

    def __init__(self) -> None:
        self.first = OrderedDict[Waiter | Queue, None]()
        self._others = OrderedDict[Waiter, None]()
        self._next: Waiter | None = None
        """The one of the other requests that competes."""

    def __bool__(self) -> bool:
        return bool(self.first)

    def __iter__(self) -> Iterator[Waiter]:
        """The requests that wait in this line itself."""
        yield from (one for one in self.first if isinstance(one, Waiter))
        yield from self._others

    @property
    def front(self) -> Waiter | None:
        """The request that is next, possibly that of a queue."""
        one = next(iter(self.first), None)
        return one.front if isinstance(one, Queue) else one

    def join(self, waiter: Waiter) -> None:
        """Add a request."""
        waiter.line = self
        if not waiter.request.is_retry:
            if self._next is not None:
                self._others[waiter] = None
                return
            self._next = waiter
        self.first[waiter] = None

    def leave(self, waiter: Waiter) -> None:
        """Remove a request."""
        waiter.line = None
        if waiter in self._others:
            del self._others[waiter]
            return
        del self.first[waiter]
        if waiter is self._next:
            self._next = None
            if self._others:
                self.join(self._others.popitem(last=False)[0])


class Queue(Line):
    """The requests that wait for a rate.

    Attributes:
        rate: The rate that they wait for.
        behind: The line in which the queue waits for its front, once the rate allows.
        timer: The timer for that moment, while the queue waits for it.
    """

    def __init__(self, rate: Rate, behind: Line) -> None:
        super().__init__()
        self.rate = rate
        self.behind = behind
        self.timer: asyncio.TimerHandle | None = None
