"""Waits: each ends with an error when its time is over, and all of them when the client closes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from types import TracebackType
from typing import TypeAlias

MakeError: TypeAlias = Callable[[], Exception]
"""Makes the error that ends a wait."""


def closed() -> RuntimeError:
    """The error for a call under way when the client is closed."""
    return RuntimeError("the Client was closed during a call")


class Waits:
    """The waits of all calls. One timer serves them all, since few of them ever end by time."""

    def __init__(self) -> None:
        self.are_closed = False
        self._open: set[Wait] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = math.inf
        self._idle = asyncio.Event()

    def until(self, moment: float, late: MakeError) -> Wait:
        """A context to wait in until a time of the event loop, with the error if it takes longer.

        Entering it raises a ``RuntimeError`` once the client is closed.
        """
        return Wait(self, moment, late)

    def add(self, wait: Wait) -> None:
        """Begin to watch over a wait."""
        if self.are_closed:
            raise closed()
        self._open.add(wait)
        if wait.until < self._rings_at:
            self._ring_at(wait.until)

    def discard(self, wait: Wait) -> None:
        """Forget a wait that has ended."""
        self._open.discard(wait)
        if self.are_closed and not self._open:
            self._idle.set()

    async def close(self) -> None:
        """End all waits, and return once their tasks have left them."""
        self.are_closed = True
        self._ring_at(math.inf)
        for wait in self._open:
            wait.end(closed)
        if self._open:
            await self._idle.wait()

    def _ring_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at, self._timer = moment, None
        if moment < math.inf:
            self._timer = asyncio.get_running_loop().call_at(moment, self._ring)

    def _ring(self) -> None:
        """End the waits whose time is over, and look again when the next one's is."""
        # A timer may be early by the clock's resolution.
        moment = max(asyncio.get_running_loop().time(), self._rings_at)
        for wait in self._open:
            if wait.until <= moment:
                wait.end(wait.late)
        self._ring_at(min((wait.until for wait in self._open), default=math.inf))


class Wait:
    """One wait of a task.

    As ``asyncio.timeout`` does, it cancels the task, and turns that into the error when the task
    leaves it; a cancellation by anybody else stays one.

    Attributes:
        until: The time of the event loop at which it is over; never once it was ended.
        late: Makes the error for that.
    """

    __slots__ = ("_cancelling", "_error", "_task", "_waits", "late", "until")

    def __init__(self, waits: Waits, until: float, late: MakeError) -> None:
        self.until = until
        self.late = late
        self._waits = waits
        self._error: MakeError | None = None

    def end(self, error: MakeError) -> None:
        """Have the task leave with an error, unless it was told to before."""
        if self._error is None:
            self._error, self.until = error, math.inf
            self._task.cancel()

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call needs a task: await it in one")
        self._task, self._cancelling = task, task.cancelling()
        self._waits.add(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._waits.discard(self)
        if self._error is not None:
            is_own = self._task.uncancel() <= self._cancelling
            if is_own and kind is asyncio.CancelledError:
                raise self._error() from None
