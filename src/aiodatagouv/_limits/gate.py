"""The gate: admits the requests of a client one by one, within its limits and the portal's.

All tasks share it, and so do derived clients. The waiting is here and in :mod:`.line`; how long a
request must wait is decided by :mod:`aiodatagouv.rate` and :mod:`.limits`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from .. import errors
from ..operation import Operation
from ..rate import AdaptiveRate, Rate
from .limits import RESOLUTION, Limits
from .line import Applicant, Line, OutOfTimeError, Permit, Queue, Waiter


class Gate:
    """Admits requests.

    A request that must wait joins the queue of its rate. A queue whose rate allows a request waits
    in the line behind it, in the end that of the gate. The front of that line is admitted as soon
    as it may be sent, and its task goes on; the next one becomes the front.

    Args:
        connections: How many requests may be in flight at once.
    """

    def __init__(self, connections: int) -> None:
        self._free = connections
        self._limits = Limits()
        self._line = Line()
        self._timer: asyncio.TimerHandle | None = None
        self._is_called = False
        self._has_news = False
        """Whether the portal has refused something since: some may have to wait no longer."""
        self._creators = Line()
        """Calls that create content, while one of them probes whether the portal is locked."""
        self._is_probing = False
        self._queues: dict[object, Queue] = {}

    def queues(
        self, rate: float | Rate | str | None, parents: tuple[Queue, ...] = ()
    ) -> tuple[Queue, ...]:
        """The queues for a rate on top of those of a parent.

        Equal rates on top of the same parent share one queue.

        Args:
            rate: Requests a second, a :class:`Rate`, ``"auto"``, or None for no limit.
            parents: The queues of the parent client; none for a client of its own.

        Raises:
            ValueError: The rate is not positive, or another word than ``"auto"``.
        """
        if isinstance(rate, str) and rate != "auto":
            raise ValueError(f"rate is {rate!r}: it must be a number, 'auto' or None")
        alike: object = rate
        if type(rate) is Rate:
            alike = (rate.rate, rate.burst)
        elif isinstance(rate, Rate):
            alike = id(rate)  # The queue keeps it alive.
        else:
            alike = (math.inf if rate is None else rate, None)
        if parents and (alike == (math.inf, None) or any(one.rate is rate for one in parents)):
            return parents
        if (*parents, alike) not in self._queues:
            if rate == "auto":
                rate = AdaptiveRate()
            elif not isinstance(rate, Rate):
                assert not isinstance(rate, str)
                rate = Rate(math.inf if rate is None else rate)
            behind = parents[0] if parents else self._line
            self._queues[(*parents, alike)] = Queue(rate, behind)
        return (self._queues[(*parents, alike)], *parents)

    def admit_now(self, request: Applicant) -> Permit | None:
        """Admit a request at once if nothing holds it back; None if it must wait or fail."""
        if self._free < 1:
            return None
        if self._limits.breaker.is_open and request.operation.creates:
            return None
        for queue in request.queues:
            if queue.first:
                return None
        moment = now()
        if self._limits.delay(request.queues, moment) > RESOLUTION:
            return None
        return self._permit(request.queues, moment)

    async def admit(self, request: Applicant, until: float | None) -> Permit:
        """Wait until a request may be sent.

        Args:
            request: The request.
            until: When it gives up, by the clock of the event loop.

        Raises:
            RateLimitedError: The portal wants no request for longer than the policy waits.
            LockedError: The portal is in read-only mode.
            TimeoutError: No connection was free in time.
            OutOfTimeError: It was not admitted by ``until``.
        """
        error = self._limits.refusal(request, now())
        if error is not None:
            raise error
        loop = asyncio.get_running_loop()
        waiter = Waiter(request, loop.create_future())
        alarm = None
        if until is not None:
            alarm = loop.call_at(until, self._refuse, waiter, OutOfTimeError())
        self._line_up(waiter)
        try:
            return await waiter.answer
        except asyncio.CancelledError:
            if waiter.line is not None:
                self._quit(waiter)
            elif waiter.answer.exception() is None:  # Cancelled when it was its turn.
                self.leave(waiter.answer.result())
            raise
        finally:
            if alarm is not None:
                alarm.cancel()
            del waiter  # It keeps its error, whose traceback keeps this frame.

    def release(self, permit: Permit) -> None:
        """Count a request as no longer in flight: it was answered, or never will be."""
        if not permit.is_released:
            permit.is_released = True
            self._limits.in_flight -= 1
            if self._limits.has_quota:
                self._call_soon()

    def leave(self, permit: Permit) -> None:
        """End a request, answered or not: its connection is free for the next one."""
        self.release(permit)
        self._free += 1
        if permit.is_probe:
            self._end_probe()
        self._call_soon()

    def observe(
        self,
        permit: Permit,
        status: int,
        headers: Mapping[str, str],
        *,
        operation: Operation,
        pause: float,
        cool_down: float,
    ) -> None:
        """Learn from the head of a response of the portal, after its permit was released.

        Args:
            permit: The permit of the request.
            status: The status of the response.
            headers: Its headers.
            operation: The operation that was called.
            pause: Seconds to send nothing after a 429, beyond the time that the portal asks for.
            cool_down: Seconds to create nothing after a 423.
        """
        moment = now()
        self._limits.observe(
            permit,
            status,
            headers,
            operation=operation,
            pause=pause,
            cool_down=cool_down,
            now=moment,
            wall=datetime.now(UTC),
        )
        if status in (423, 429) or self._limits.asked(moment) > 0:
            self._has_news = True
        self._call_creators()
        self._call_soon()

    def observe_lock(self, message: str) -> None:
        """Learn the portal's own words about its read-only mode."""
        self._limits.breaker.message = message

    # ---- The line

    def _line_up(self, waiter: Waiter) -> None:
        """Let a request wait, and admit it at once if it may be sent."""
        if waiter.request.operation.creates and self._limits.breaker.is_open:
            self._creators.join(waiter)
            self._call_creators()
        else:
            self._join(waiter)
        if self._line.front is waiter:
            self._call()

    def _join(self, waiter: Waiter) -> None:
        own = waiter.request.queues[0]
        own.join(waiter)
        self._advance(own)

    def _advance(self, queue: Queue) -> None:
        """Let a queue wait for its front in the next line, once its rate allows a request."""
        if not queue:
            return
        if queue.timer is not None or queue in queue.behind.first:  # It waits already.
            return
        moment = now()
        delay = self._limits.rate_delay(queue.rate, moment)
        if delay > RESOLUTION:
            loop = asyncio.get_running_loop()
            queue.timer = loop.call_at(moment + delay, self._look_again, queue)
            return
        queue.behind.first[queue] = None
        if isinstance(queue.behind, Queue):
            self._advance(queue.behind)

    def _look_again(self, queue: Queue) -> None:
        queue.timer = None
        self._advance(queue)
        self._call()

    def _call(self) -> None:
        """Admit those at the front that may be sent, and look again when the next one may."""
        self._is_called = False
        moment = now()
        if self._has_news:
            self._has_news = False
            self._refuse_hopeless(moment)
        while (front := self._line.front) is not None:
            if front.answer.done():  # Its task was cancelled, and calls when it quits.
                return
            delay = self._limits.delay(front.request.queues, moment)
            if delay > RESOLUTION:
                front.tires_at = None
            elif self._free:
                self._pass(front, moment)
                continue
            else:
                if front.tires_at is None:
                    patience = front.request.patience
                    front.tires_at = math.inf if patience is None else moment + patience
                delay = front.tires_at - moment
            if delay > RESOLUTION:
                self._call_at(moment + delay)
                return
            self._refuse(front, _no_connection(front.request))

    def _call_soon(self) -> None:
        """Call once what has arrived together is learned: one of the responses may be a 429."""
        if (self._line or self._has_news) and not self._is_called:
            self._is_called = True
            asyncio.get_running_loop().call_soon(self._call)

    def _call_at(self, moment: float) -> None:
        """Call at a given time at the latest, if it is finite."""
        if self._timer is not None:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
            self._timer = None
        if moment < math.inf:
            self._timer = asyncio.get_running_loop().call_at(moment, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._call()

    def _pass(self, waiter: Waiter, moment: float) -> None:
        """Admit the front of the line: it is sent when its task goes on."""
        queues = waiter.request.queues
        for queue in queues:  # Its next request waits for the rate, and behind the others.
            del queue.behind.first[queue]
        queues[0].leave(waiter)
        waiter.answer.set_result(self._permit(queues, moment, is_probe=waiter.is_probe))
        for queue in queues:
            self._advance(queue)

    def _quit(self, waiter: Waiter) -> None:
        """Remove a request that was not admitted, and call the next one."""
        if waiter.line is self._creators:
            self._creators.leave(waiter)
            return
        queues = waiter.request.queues
        queues[0].leave(waiter)
        for queue in queues:
            if not queue:
                queue.behind.first.pop(queue, None)
            self._advance(queue)
        if waiter.is_probe:
            self._end_probe()
        self._call_soon()

    def _permit(self, queues: Sequence[Queue], moment: float, *, is_probe: bool = False) -> Permit:
        self._limits.take(queues, moment)
        self._free -= 1
        return Permit(moment, queues, is_probe)

    # ---- The lock

    def _end_probe(self) -> None:
        self._is_probing = False
        self._call_creators()

    def _call_creators(self) -> None:
        """Let those that create content into their queues: while the lock lasts, one, to probe."""
        breaker = self._limits.breaker
        while (front := self._creators.front) is not None:
            if breaker.is_open and self._is_probing:
                return
            self._creators.leave(front)
            front.is_probe = breaker.is_open
            self._is_probing = self._is_probing or front.is_probe
            self._join(front)

    # ---- Refusals

    def _refuse(self, waiter: Waiter, error: Exception) -> None:
        """End the waiting of a request with an error, if it still waits."""
        if not waiter.answer.done():
            waiter.answer.set_exception(error)
            self._quit(waiter)

    def _refuse_hopeless(self, moment: float) -> None:
        """Refuse the requests whose waiting has become pointless."""
        for waiter in [one for line in self._lines() for one in line]:
            error = self._limits.refusal(waiter.request, moment)
            if error is not None:
                self._refuse(waiter, error)

    def _lines(self) -> Sequence[Line]:
        return [self._creators, *self._queues.values()]


def _no_connection(request: Applicant) -> errors.TimeoutError:
    return errors.TimeoutError(
        f"no connection was free within {request.patience:g} s",
        operation=request.operation.name,
        method=request.operation.method,
        url=request.url,
        is_sent=False,
    )


def now() -> float:
    """Seconds by the clock of the event loop, which all limits go by."""
    return asyncio.get_running_loop().time()
