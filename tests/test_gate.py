"""The gate: who is admitted next, and what becomes of those that wait."""

from __future__ import annotations

import asyncio
import gc
import itertools
import math
import tracemalloc
import weakref
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv import DataGouvError, Rate, RateLimitedError, RetryPolicy, errors
from aiodatagouv._limits.gate import Gate, now
from aiodatagouv._limits.limits import RESOLUTION
from aiodatagouv._limits.line import Applicant, OutOfTimeError, Permit, Queue
from aiodatagouv.api import ops

from . import clock

POLICY = RetryPolicy(max_wait=math.inf)


def applicant(queues: Sequence[Queue], **options: Any) -> Applicant:
    given: dict[str, Any] = {"is_retry": False, "patience": None, "policy": POLICY, **options}
    operation = ops.CREATE_REUSE if given.pop("creates", False) else ops.GET_DATASET
    return Applicant(operation, "https://portal.example/", queues, **given)


async def admitted(gate: Gate, request: Applicant, until: float | None = None) -> Permit:
    return gate.admit_now(request) or await gate.admit(request, until)


async def settled() -> None:
    """Let every task run as far as it can now."""
    for _ in range(30):
        await asyncio.sleep(0)


def start(*tasks: Coroutine[Any, Any, Permit]) -> list[asyncio.Task[Permit]]:
    return [asyncio.ensure_future(one) for one in tasks]


# ---- Random histories


@define
class Visit:
    """A request of a history: when it applies, how, and how it ends."""

    at: float
    queue: int
    options: dict[str, Any]
    until: float | None
    cancelled_after: float | None
    latency: float
    response: tuple[int, dict[str, str]]
    body: float


TIMES = st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0, 3.0, 20.0])
DATE = {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}
QUOTA = {"X-RateLimit-Limit": "4", **DATE}
RESPONSES = st.sampled_from(
    [
        *[(200, {})] * 6,
        (429, {}),
        (429, {"Retry-After": "2"}),
        (423, {}),
        (500, {}),
        (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "5", **QUOTA}),
        (200, {"X-RateLimit-Remaining": "2", "X-RateLimit-Reset": "9", **QUOTA}),
    ]
)
OPTIONS = st.fixed_dictionaries(
    {
        "is_retry": st.booleans(),
        "creates": st.sampled_from([False, False, True]),
        "patience": st.sampled_from([None, None, 0.0, 1.5]),
        "policy": st.sampled_from([POLICY, RetryPolicy(max_wait=1)]),
    }
)
VISITS = st.builds(
    Visit,
    at=TIMES,
    queue=st.integers(0, 3),
    options=OPTIONS,
    until=st.none() | TIMES,
    cancelled_after=st.none() | TIMES,
    latency=TIMES,
    response=RESPONSES,
    body=TIMES,
)


@define
class History:
    """The visits of a gate, as they went."""

    gate: Gate
    connections: int
    queues: list[tuple[Queue, ...]] = field(factory=list[tuple[Queue, ...]])
    inside: int = 0
    applied: list[Visit] = field(factory=list[Visit])
    sent: list[tuple[float, Visit]] = field(factory=list[tuple[float, Visit]])
    ended: list[float] = field(factory=list[float])

    async def live(self, visit: Visit) -> None:
        gate, request = self.gate, applicant(self.queues[visit.queue], **visit.options)
        until = None if visit.until is None else visit.at + visit.until
        self.applied.append(visit)
        try:
            permit = await admitted(gate, request, until)
        finally:
            self.ended.append(now())
        self.sent.append((now(), visit))
        self.inside += 1
        assert self.inside <= self.connections
        try:
            await asyncio.sleep(visit.latency)
            gate.release(permit)
            operation = request.operation
            gate.observe(permit, *visit.response, operation=operation, pause=0.3, cool_down=4)
            await asyncio.sleep(visit.body)
        finally:
            self.inside -= 1
            gate.leave(permit)

    async def visit(self, visit: Visit) -> None:
        await asyncio.sleep(visit.at)
        expected = (DataGouvError, OutOfTimeError, TimeoutError)
        with suppress(*expected):
            async with asyncio.timeout(visit.cancelled_after):
                await self.live(visit)

    def check_rest(self) -> None:
        """Check that no request rests that could be sent."""
        front = self.gate._line.front
        if front is not None and self.gate._free:
            assert self.gate._limits.delay(front.request.queues, now()) > RESOLUTION

    def check_order(self) -> None:
        """Check that requests of one queue were sent in the order in which they applied."""
        place = {id(visit): number for number, visit in enumerate(self.applied)}
        for queue in range(4):
            for is_retry in (False, True):
                sent = [
                    place[id(visit)]
                    for _, visit in self.sent
                    if (visit.queue, visit.options["is_retry"]) == (queue, is_retry)
                    if not visit.options["creates"]  # It may wait for a probe first.
                ]
                assert sent == sorted(sent)

    def check_rates(self) -> None:
        """Check that no two requests of a queue were sent in too short a time."""
        for queue in {queue for queues in self.queues for queue in queues}:
            own = [at for at, visit in self.sent if queue in self.queues[visit.queue]]
            gaps = [after - before for before, after in itertools.pairwise(own)]
            assert not gaps or min(gaps) >= queue.rate.interval - 1e-5


@given(
    visits=st.lists(VISITS, max_size=25),
    connections=st.integers(1, 3),
)
def test_any_history_leaves_the_gate_as_it_was(visits: list[Visit], connections: int) -> None:
    history = History(Gate(connections), connections)

    async def main() -> None:
        gate = history.gate
        own = gate.queues(Rate(20, burst=1))
        below = gate.queues(Rate(2, burst=1), own)
        lowest = gate.queues(Rate(1, burst=1), below)
        history.queues += [own, below, lowest, gate.queues(Rate(5, burst=1), own)]
        tasks = [asyncio.ensure_future(history.visit(visit)) for visit in visits]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.1)
            await settled()
            history.check_rest()
            assert now() < 2000  # No request waits forever.
        for task in tasks:
            await task
        assert gate._free == connections
        assert gate._limits.in_flight == 0
        assert not gate._is_probing
        assert not any([gate._line, gate._creators, *gate._queues.values()])

    clock.run(main())
    history.check_order()
    history.check_rates()


# ---- Who is next


def test_nobody_passes_those_that_wait() -> None:
    async def main() -> None:
        gate = Gate(1)
        own = gate.queues(None)
        first = await admitted(gate, applicant(own))
        waiting = start(*(admitted(gate, applicant(own)) for _ in range(2)))
        await settled()
        gate.leave(first)
        assert gate.admit_now(applicant(own)) is None  # The connection is that of the first task.
        for task in waiting:
            await settled()
            gate.leave(task.result())
        assert gate.admit_now(applicant(own)) is not None

    clock.run(main())


def test_a_call_cancelled_when_it_is_its_turn_is_replaced_by_the_next() -> None:
    async def main() -> None:
        gate = Gate(1)
        own = gate.queues(None)
        first = await admitted(gate, applicant(own))
        waiting = start(*(admitted(gate, applicant(own)) for _ in range(3)))
        await settled()
        gate.leave(first)
        for task in waiting[:2]:
            task.cancel()
        await settled()
        assert [task.cancelled() for task in waiting[:2]] == [True, True]
        gate.leave(waiting[2].result())
        assert gate._free == 1

    clock.run(main())


def test_busy_derived_queues_leave_turns_to_their_parent() -> None:
    async def main() -> list[int]:
        gate = Gate(1)
        own = gate.queues(None)
        queues = [own, *(gate.queues(rate, own) for rate in (1000, 2000))]
        order: list[int] = []

        async def call(number: int) -> None:
            permit = await admitted(gate, applicant(queues[number]))
            order.append(number)
            await asyncio.sleep(1)
            gate.leave(permit)

        first = await admitted(gate, applicant(own))
        calls = [asyncio.ensure_future(call(number)) for number in (0, 1, 2) for _ in range(6)]
        await settled()
        gate.leave(first)
        await asyncio.gather(*calls)
        return order

    order = clock.run(main())
    for turn in range(0, 18, 3):
        assert sorted(order[turn : turn + 3]) == [0, 1, 2]


def test_a_pause_of_another_call_ends_the_waiting_of_the_impatient_only() -> None:
    async def main() -> None:
        gate = Gate(1)
        own = gate.queues(None)
        first = await admitted(gate, applicant(own))
        policies = [RetryPolicy(max_wait=5), RetryPolicy(max_wait=50)]
        hasty, patient = start(*(admitted(gate, applicant(own, policy=one)) for one in policies))
        await settled()
        gate.release(first)
        headers = {"Retry-After": "9"}
        operation = ops.GET_DATASET
        gate.observe(first, 429, headers, operation=operation, pause=1, cool_down=0)
        with pytest.raises(RateLimitedError):
            await hasty
        assert now() == 0
        gate.leave(first)
        gate.leave(await patient)
        assert now() == 10

    clock.run(main())


def observe(gate: Gate, permit: Permit, status: int, **headers: object) -> None:
    """Release a permit, and let the gate observe a response."""
    gate.release(permit)
    named = {f"X-RateLimit-{name}": str(value) for name, value in headers.items()} | DATE
    gate.observe(permit, status, named, operation=ops.CREATE_REUSE, pause=0, cool_down=0)


def test_a_probe_that_is_cancelled_before_it_is_sent_is_replaced() -> None:
    async def main() -> None:
        gate = Gate(1)
        own = gate.queues(None)
        first = await admitted(gate, applicant(own))
        observe(gate, first, 423)
        waiting = start(*(admitted(gate, applicant(own, creates=True)) for _ in range(4)))
        await settled()
        waiting[0].cancel()
        await settled()
        gate.leave(first)
        probe = await waiting[1]
        await settled()
        assert not waiting[2].done()
        observe(gate, probe, 201)
        gate.leave(probe)
        for task in waiting[2:]:
            gate.leave(await task)

    clock.run(main())


def test_a_call_that_waited_for_a_probe_goes_before_later_ones() -> None:
    async def main() -> None:
        gate = Gate(2)
        own = gate.queues(None)
        observe(gate, await admitted(gate, applicant(own)), 423)
        gate._free = 2
        probe, *waiting = start(*(admitted(gate, applicant(own, creates=True)) for _ in range(2)))
        await settled()
        observe(gate, await probe, 201)  # Its answer is still to be read.
        assert gate.admit_now(applicant(own, creates=True)) is None
        await settled()
        assert waiting[0].done()

    clock.run(main())


def test_nothing_of_a_refused_call_is_left_to_the_garbage_collector() -> None:
    async def main() -> None:
        gate = Gate(1)
        own = gate.queues(None)
        await admitted(gate, applicant(own))
        waiting = start(*(admitted(gate, applicant(own), until=5) for _ in range(50)))
        await settled()
        waiters = [weakref.ref(waiter) for waiter in own[0]]
        gc.disable()
        try:
            await asyncio.sleep(6)
            while waiting:
                assert isinstance(waiting.pop().exception(), OutOfTimeError)
            assert [waiter() for waiter in waiters] == [None] * 50
        finally:
            gc.enable()

    clock.run(main())


def test_a_request_that_is_over_may_let_another_one_use_the_new_quota() -> None:
    async def main() -> None:
        gate = Gate(3)
        own = gate.queues(None)
        first, slow = [await admitted(gate, applicant(own)) for _ in range(2)]
        observe(gate, first, 200, Limit=1, Remaining=0, Reset=5)
        (waiting,) = start(admitted(gate, applicant(own)))
        await asyncio.sleep(8)
        assert not waiting.done()  # The request in flight may count towards the new quota.
        gate.release(slow)
        await waiting
        assert now() == 8

    clock.run(main())


def test_a_new_quota_is_used_as_soon_as_a_response_states_it() -> None:
    async def main() -> None:
        gate = Gate(3)
        own = gate.queues(None)
        first, second = [await admitted(gate, applicant(own)) for _ in range(2)]
        observe(gate, first, 200, Limit=100, Remaining=5, Reset=60)
        await admitted(gate, applicant(own))
        gate.leave(first)
        (waiting,) = start(admitted(gate, applicant(own)))
        await asyncio.sleep(1)
        assert not waiting.done()  # The rest of the quota is spread over time.
        observe(gate, second, 200, Limit=100, Remaining=99, Reset=120)
        await waiting
        assert now() == 1

    clock.run(main())


# ---- The end of waiting


def test_a_timer_that_rings_early_ends_the_waiting_nevertheless() -> None:
    async def main() -> None:
        gate = Gate(1)
        own = gate.queues(None)
        await admitted(gate, applicant(own))
        (waiting,) = start(admitted(gate, applicant(own), 10))
        await settled()
        front = gate._line.front
        assert front is not None
        gate._refuse(front, OutOfTimeError())
        with pytest.raises(OutOfTimeError):
            await waiting
        assert now() < 10

    clock.run(main())


def test_waiting_has_a_limit() -> None:
    async def main() -> None:
        gate = Gate(1)
        own = gate.queues(None)
        first = await admitted(gate, applicant(own))
        with pytest.raises(OutOfTimeError):
            await admitted(gate, applicant(own), until=3)
        assert now() == 3
        with pytest.raises(errors.TimeoutError, match="no connection was free within 2 s"):
            await admitted(gate, applicant(own, patience=2), until=6)
        assert now() == 5
        gate.leave(first)
        assert gate._free == 1

    clock.run(main())


def test_patience_is_for_a_free_connection_only() -> None:
    async def main() -> None:
        gate = Gate(1)
        slow = gate.queues(Rate(0.1, burst=1))
        gate.leave(await admitted(gate, applicant(slow)))
        await admitted(gate, applicant(slow, patience=1))
        assert now() == 10
        with pytest.raises(errors.TimeoutError):
            await admitted(gate, applicant(slow, patience=1))
        assert now() == 21

    clock.run(main())


def test_a_pause_does_not_use_up_the_patience_for_a_connection() -> None:
    async def main() -> None:
        gate = Gate(1)
        own = gate.queues(None)
        first = await admitted(gate, applicant(own))
        (waiting,) = start(admitted(gate, applicant(own, patience=1)))
        await asyncio.sleep(0.5)
        gate.release(first)
        gate.observe(first, 429, {}, operation=ops.GET_DATASET, pause=9, cool_down=0)
        with pytest.raises(errors.TimeoutError, match="no connection was free"):
            await waiting
        assert now() == pytest.approx(10.5)

    clock.run(main())


def test_nothing_of_a_cancelled_call_is_left_to_the_garbage_collector() -> None:
    async def main() -> None:
        gate = Gate(1)
        slow = gate.queues(0.001)
        gate.leave(await admitted(gate, applicant(slow)))
        waiting = start(*(admitted(gate, applicant(slow), until=1000) for _ in range(50)))
        await settled()
        waiters = [weakref.ref(waiter) for waiter in slow[0]]
        assert len(waiters) == 50
        gc.disable()
        try:
            while waiting:
                waiting.pop().cancel()
            await settled()
            assert [waiter() for waiter in waiters] == [None] * 50
        finally:
            gc.enable()

    clock.run(main())


def test_a_task_that_waits_takes_little_memory() -> None:
    async def main() -> float:
        gate = Gate(1)
        slow = gate.queues(0.001)
        gate.leave(await admitted(gate, applicant(slow)))
        tracemalloc.start()
        try:
            waiting = start(*(admitted(gate, applicant(slow)) for _ in range(1000)))
            await settled()
            size, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        for task in waiting:
            task.cancel()
        await settled()
        return size / 1000

    assert clock.run(main()) < 2500
