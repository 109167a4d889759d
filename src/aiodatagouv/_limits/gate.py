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
    in the line behind it, in the end that of the gate. The front of that line is woken when it may
    be sent; its own task counts it, at the moment of sending, and the next one becomes the front.

    Args:
        connections: How many requests may be in flight at once.
    """

    def __init__(self, connections: int) -> None:
        self._free = connections
        self._limits = Limits()
        self._line = Line()
        self._timer: asyncio.TimerHandle | None = None
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
        self._limits.check(request, now())
        waiter = Waiter(request)
        loop = asyncio.get_running_loop()
        alarm = None if until is None else loop.call_at(until, waiter.expire)
        try:
            if self._limits.breaker.is_open and request.operation.creates:
                await self._hold_creator(waiter)
            self._join(waiter)
            try:
                while True:
                    resting = waiter.rest()
                    if self._line.front is waiter:
                        self._call()
                    await resting
                    self._limits.check(request, now())
                    if self._may_pass(waiter):
                        return self._pass(waiter)
                    _check_time(waiter)
            finally:
                self._quit(waiter)
        finally:
            if alarm is not None:
                alarm.cancel()

    def release(self, permit: Permit) -> None:
        """Count a request as no longer in flight: it was answered, or never will be."""
        if not permit.is_released:
            permit.is_released = True
            self._limits.in_flight -= 1
            if self._limits.has_quota:
                self._call()

    def leave(self, permit: Permit) -> None:
        """End a request, answered or not: its connection is free for the next one."""
        self.release(permit)
        self._free += 1
        if permit.is_probe:
            self._end_probe()
        self._call()

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
            self._wake_refused(moment)
        self._call()

    def observe_lock(self, message: str) -> None:
        """Learn the portal's own words about its read-only mode."""
        self._limits.breaker.message = message

    # ---- The line

    def _join(self, waiter: Waiter) -> None:
        own = waiter.request.queues[0]
        own.join(waiter)
        self._line_up(own)

    def _line_up(self, queue: Queue) -> None:
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
            self._line_up(queue.behind)

    def _look_again(self, queue: Queue) -> None:
        queue.timer = None
        self._line_up(queue)
        self._call()

    def _call(self) -> None:
        """Wake the front of the line if it may be sent; else set the timer for it."""
        front = self._line.front
        if front is None or not front.is_resting:  # One that is awake calls when it leaves.
            return
        moment = now()
        delay = self._limits.delay(front.request.queues, moment)
        if delay > RESOLUTION:
            front.tires_at = None
        elif not self._free:
            if front.tires_at is None:
                patience = front.request.patience
                front.tires_at = math.inf if patience is None else moment + patience
            delay = front.tires_at - moment
        if delay > RESOLUTION:
            self._set_timer(moment + delay)
        else:
            front.wake()

    def _set_timer(self, at: float) -> None:
        """Look at the front again at a given time, if it is finite."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at < math.inf:
            self._timer = asyncio.get_running_loop().call_at(at, self._call)

    def _may_pass(self, waiter: Waiter) -> bool:
        if self._line.front is not waiter or not self._free:
            return False
        return self._limits.delay(waiter.request.queues, now()) <= RESOLUTION

    def _pass(self, waiter: Waiter) -> Permit:
        queues = waiter.request.queues
        for queue in queues:  # Its next request waits for the rate, and behind the others.
            del queue.behind.first[queue]
        permit = self._permit(queues, now(), is_probe=waiter.is_probe)
        waiter.is_probe = False
        return permit

    def _quit(self, waiter: Waiter) -> None:
        """Remove a request from its queue, admitted or not, and call the next one."""
        queues = waiter.request.queues
        queues[0].leave(waiter)
        for queue in queues:
            if not queue:
                queue.behind.first.pop(queue, None)
            self._line_up(queue)
        if waiter.is_probe:
            self._end_probe()
        self._call()

    def _permit(self, queues: Sequence[Queue], moment: float, *, is_probe: bool = False) -> Permit:
        self._limits.take(queues, moment)
        self._free -= 1
        return Permit(moment, queues, is_probe)

    # ---- The lock

    async def _hold_creator(self, waiter: Waiter) -> None:
        """Hold a call that creates content back while another one probes; then it may be next."""
        self._creators.join(waiter)
        try:
            while self._is_probing or self._creators.front is not waiter:
                await waiter.rest()
                self._limits.check(waiter.request, now())
                _check_time(waiter)
            self._is_probing = waiter.is_probe = self._limits.breaker.is_open
        finally:
            self._creators.leave(waiter)
            self._call_creator()

    def _end_probe(self) -> None:
        self._is_probing = False
        self._call_creator()

    def _call_creator(self) -> None:
        """Wake the next call that creates content, unless it must wait for a probe."""
        front = self._creators.front
        if front is not None and not self._is_probing:
            front.wake()

    # ---- Refusals

    def _lines(self) -> Sequence[Line]:
        return [self._creators, *self._queues.values()]

    def _wake_refused(self, moment: float) -> None:
        """Wake the requests whose waiting has become pointless."""
        is_locked = self._limits.is_locked(moment)
        asked = self._limits.asked(moment)
        for line in self._lines():
            for waiter in line:
                request = waiter.request
                if asked > request.policy.max_wait or (is_locked and request.operation.creates):
                    waiter.wake()


def _check_time(waiter: Waiter) -> None:
    """Raise an error if a request has waited for too long."""
    moment, request = now() + RESOLUTION, waiter.request
    if waiter.is_late:
        raise OutOfTimeError
    if waiter.tires_at is not None and moment >= waiter.tires_at:
        raise errors.TimeoutError(
            f"no connection was free within {request.patience:g} s",
            operation=request.operation.name,
            method=request.operation.method,
            url=request.url,
            is_sent=False,
        )


def now() -> float:
    """Seconds by the clock of the event loop, which all limits go by."""
    return asyncio.get_running_loop().time()
