"""Limits shared by all requests of a client: rate, pauses, quota, lock and connections."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv import (
    Client,
    DataGouvError,
    File,
    NotFoundError,
    Rate,
    RateLimitedError,
    RetryPolicy,
    TimeoutError,
)
from aiodatagouv._limits.breaker import Breaker
from aiodatagouv.api import datasets, reuses, site
from aiodatagouv.models import FileUpload, ReuseWrite

from . import clock
from .clients import client_of

Scripted = Callable[..., Client]

BODY = ReuseWrite(title="a", description="b", topic="others", type="api", url="c")

OK = httpx.Response(200, json={"id": "1"})


class Portal:
    """A portal that answers after a latency and records the time of each request."""

    def __init__(self, answer: Callable[[int], httpx.Response], latency: float = 0.05) -> None:
        self._answer, self._latency = answer, latency
        self.times: list[float] = []
        self.methods: list[str] = []
        self.under_way = self.most = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        number = len(self.times)
        self.times.append(now())
        self.methods.append(request.method)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self._latency / 2)
        answer = self._answer(number)
        await asyncio.sleep(self._latency / 2)
        self.under_way -= 1
        return answer


def now() -> float:
    return asyncio.get_running_loop().time()


def ok(_: int) -> httpx.Response:
    return httpx.Response(200, json={"id": "1"})


def limited(**headers: object) -> httpx.Response:
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return httpx.Response(429, headers=named)


async def read(client: Client, times: int = 1) -> list[Any]:
    calls = (datasets.get_dataset(client, "velos") for _ in range(times))
    return await asyncio.gather(*calls, return_exceptions=True)


async def create(client: Client, times: int = 1) -> list[Any]:
    calls = (reuses.create_reuse(client, body=BODY) for _ in range(times))
    return await asyncio.gather(*calls, return_exceptions=True)


def kinds(results: list[object]) -> dict[str, int]:
    return dict(Counter(type(one).__name__ for one in results))


# ---- The rate


def test_all_tasks_of_a_client_share_its_rate(scripted: Scripted) -> None:
    portal = Portal(ok, latency=0)

    async def main() -> None:
        async with scripted(portal, rate=5) as client:
            await read(client, 25)

    clock.run(main())
    assert portal.times == pytest.approx([*[0] * 5, *(0.2 * n for n in range(1, 21))])


@pytest.mark.parametrize("rate", [2, 2.0, Rate(2)])
def test_clients_derived_with_equal_rates_share_one_rate(scripted: Scripted, rate: Any) -> None:
    portal = Portal(ok, latency=0)

    async def main() -> None:
        async with scripted(portal, rate=None) as client:
            for _ in range(10):
                await read(client.with_options(rate=rate))
            alike = [read(client.with_options(rate=2, lang="fr")) for _ in range(10)]
            await asyncio.gather(*alike)

    clock.run(main())
    assert portal.times == pytest.approx([*[0] * 2, *(0.5 * n for n in range(1, 19))])


def test_a_derived_rate_applies_in_addition_to_its_parents(scripted: Scripted) -> None:
    portal = Portal(ok, latency=0)

    async def main() -> None:
        async with scripted(portal, rate=Rate(5, burst=1)) as client:
            slow, fast = client.with_options(rate=Rate(1, burst=1)), client.with_options(rate=100)
            await asyncio.gather(read(slow, 3), read(fast, 8), read(client, 2))
            await read(fast.with_options(rate=None), 2)
            await read(slow.with_options(rate=1000), 2)

    clock.run(main())
    # Together they keep to the parent's rate; the slow one does not delay the others.
    assert portal.times[:12] == pytest.approx([0.2 * n for n in range(12)])
    assert len(portal.times) == 17
    assert min(b - a for a, b in itertools.pairwise(portal.times)) > 0.199


def test_a_cancelled_call_does_not_use_up_the_rate(scripted: Scripted) -> None:
    async def main() -> float:
        async with scripted(Portal(ok, latency=0), rate=5) as client:
            calls = [asyncio.ensure_future(read(client)) for _ in range(50)]
            await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            await datasets.get_dataset(client, "velos")
        return now()

    assert clock.run(main()) < 0.5


def test_closing_the_client_ends_calls_that_wait_for_the_rate(scripted: Scripted) -> None:
    async def main() -> tuple[float, list[object]]:
        async with scripted(Portal(ok, latency=0), rate=1) as client:
            calls = asyncio.ensure_future(read(client, 9))
            await asyncio.sleep(0.1)
        results = await calls
        return now(), results

    ended, results = clock.run(main())
    assert ended < 0.2
    assert kinds(results) == {"Dataset": 1, "RuntimeError": 8}


def test_an_automatic_rate_adapts_to_the_limit_of_the_portal(scripted: Scripted) -> None:
    level, last = 0.0, 0.0

    def leaky_bucket(_: int) -> httpx.Response:
        nonlocal level, last
        refilled = max(0.0, level - (now() - last) * 50) + 1
        if refilled > 11:
            return limited()
        level, last = refilled, now()
        return OK

    async def main() -> list[Any]:
        async with scripted(portal, rate="auto", retry=RetryPolicy()) as client:
            return await read(client, 1000)

    portal = Portal(leaky_bucket)
    assert kinds(clock.run(main())) == {"Dataset": 1000}
    assert portal.times[-1] < 22  # At exactly 50 a second it would take 20 s.
    assert len(portal.times) < 1020


# ---- The pause after a 429


def test_a_429_pauses_the_whole_client_once(scripted: Scripted) -> None:
    portal = Portal(lambda _: limited(Retry_After=30) if now() < 1 else OK)

    async def main() -> list[list[Any]]:
        async with scripted(portal, retry=RetryPolicy()) as client:
            # The pause applies regardless of their other options.
            others = [client, client.with_options(rate=100), client.with_options(lang="fr")]
            return await asyncio.gather(*(read(one, 64) for one in others))

    assert [kinds(results) for results in clock.run(main())] == [{"Dataset": 64}] * 3
    during = [one for one in portal.times if one < 30]
    assert len(during) <= 16
    after = portal.times[len(during) :]
    assert 30 <= after[0] < 31
    assert len(after) == 3 * 64


@pytest.mark.parametrize("headers", [{}, {"Retry_After": 20}, {"Retry_After": "soon"}])
def test_one_429_pauses_64_tasks_once(scripted: Scripted, headers: dict[str, object]) -> None:
    portal = Portal(lambda number: limited(**headers) if number == 5 else OK)

    async def main() -> list[Any]:
        policy = RetryPolicy(base=10)
        async with scripted(portal, retry=policy, max_connections=16) as client:
            return await read(client, 64)

    assert kinds(clock.run(main())) == {"Dataset": 64}
    before = [one for one in portal.times if one <= 0.05]
    after = portal.times[len(before) :]
    assert len(before) == 16  # These requests were already in flight.
    assert len(after) == 64 - 16 + 1
    # After one pause, the others are sent as fast as connections become free.
    assert after[0] >= 20 or headers != {"Retry_After": 20}
    assert after[47] - after[0] == pytest.approx(0.05 * 2, abs=0.051)


@given(answers=st.lists(st.none() | st.integers(0, 50), max_size=40), tasks=st.integers(1, 20))
def test_nothing_is_sent_before_retry_after_has_passed(
    answers: list[int | None], tasks: int
) -> None:
    """Requests that are already in flight when the portal asks to wait may still arrive."""
    forbidden: list[tuple[float, float]] = []
    sent: list[float] = []

    async def portal(request: httpx.Request) -> httpx.Response:
        sent.append(now())
        wait = answers.pop() if answers else None
        await asyncio.sleep(1)
        if wait is None:
            return OK
        forbidden.append((now(), now() + wait))
        return limited(Retry_After=wait)

    async def main() -> list[Any]:
        policy = RetryPolicy(attempts=99, retry_for=math.inf)
        transport = httpx.MockTransport(portal)
        url = "https://portal.example/"
        async with client_of(url, transport=transport, retry=policy, max_connections=4) as client:
            return await read(client, tasks)

    assert kinds(clock.run(main())) == {"Dataset": tasks}
    for start, end in forbidden:
        assert not [one for one in sent if start < one < end]


def test_a_pause_that_is_too_long_fails_all_calls_at_once(scripted: Scripted) -> None:
    portal = Portal(lambda number: limited(Retry_After=3600) if number == 0 else OK)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            with pytest.raises(RateLimitedError, match="wait 3600 s") as first:
                await datasets.get_dataset(client, "velos")
            assert first.value.attempts == 1
            assert first.value.response is not None
            await asyncio.sleep(600)
            with pytest.raises(RateLimitedError, match="wait 3000 s, not sent") as second:
                await datasets.get_dataset(client, "velos")
            assert second.value.retry_after == pytest.approx(3000, abs=1)
            assert second.value.attempts == 0
            assert second.value.response is None
            patient = client.with_options(retry=RetryPolicy(max_wait=3600))
            await datasets.get_dataset(patient, "velos")
            assert now() == pytest.approx(3600, abs=1)

    clock.run(main())
    assert len(portal.times) == 2


def test_simultaneous_429s_are_one_pause(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    chances = iter([0.1])
    monkeypatch.setattr(random, "random", lambda: next(chances, 0.9))
    portal = Portal(lambda number: limited() if number < 16 else OK)

    async def main() -> list[Any]:
        async with scripted(portal, retry=RetryPolicy(base=10), max_connections=16) as client:
            return await read(client, 17)

    assert kinds(clock.run(main())) == {"Dataset": 17}
    # The first wait applies to the whole client; each of the others adds its own.
    assert portal.times[16:] == pytest.approx([1.05] + 16 * [9.05])


def test_a_pause_of_exactly_max_wait_is_waited_for(scripted: Scripted) -> None:
    portal = Portal(lambda number: limited(Retry_After=60) if number == 0 else OK)

    async def main() -> list[Any]:
        async with scripted(portal, retry=RetryPolicy(max_wait=60)) as client:
            return await read(client, 64)

    assert kinds(clock.run(main())) == {"Dataset": 64}


def test_every_rate_restarts_after_a_pause(scripted: Scripted) -> None:
    portal = Portal(lambda number: limited(Retry_After=10) if number == 0 else OK, latency=0)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(base=0)) as client:
            await asyncio.gather(read(client), read(client.with_options(rate=5), 6))

    clock.run(main())
    after = [one for one in portal.times if one >= 10]
    assert max(Counter(after).values()) <= 2  # One request of each rate.


def test_an_impatient_client_is_not_delayed_by_a_patient_one(scripted: Scripted) -> None:
    portal = Portal(lambda number: limited(Retry_After=3600) if number == 0 else OK)

    async def main() -> None:
        options = {"retry": RetryPolicy(max_wait=7200, retry_for=7200), "rate": 1}
        async with scripted(portal, **options) as patient:
            first = asyncio.ensure_future(read(patient, 2))
            await asyncio.sleep(0.01)
            others = await read(patient.with_options(retry=RetryPolicy()), 3)
            assert kinds(others) == {"RateLimitedError": 3}
            assert now() < 5
            assert kinds(await first) == {"Dataset": 2}

    clock.run(main())


def test_a_429_with_a_truncated_body_still_pauses(scripted: Scripted) -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"slow d"
            raise httpx.ReadError("broken off")

    broken = httpx.Response(429, stream=Broken(), headers={"Retry-After": "9"})
    portal = Portal(lambda number: broken if number == 0 else OK)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            assert kinds(await create(client)) == {"Reuse": 1}

    clock.run(main())
    assert portal.times[1] >= 9


def test_a_pause_that_is_too_long_also_fails_calls_already_waiting(scripted: Scripted) -> None:
    portal = Portal(lambda number: limited(Retry_After=3600) if number == 3 else OK)

    async def main() -> tuple[list[Any], float]:
        async with scripted(portal, retry=RetryPolicy(), rate=1) as client:
            return await read(client, 9), now()

    results, ended = clock.run(main())
    assert kinds(results) == {"Dataset": 3, "RateLimitedError": 6}
    assert ended < 5


def test_an_absurd_retry_after_is_capped_at_a_day(scripted: Scripted) -> None:
    portal = Portal(lambda number: limited(Retry_After="9" * 99) if number == 0 else OK)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            with pytest.raises(RateLimitedError, match=r"wait 1e\+99 s"):
                await datasets.get_dataset(client, "velos")
            await asyncio.sleep(24 * 3600 + 1)
            await datasets.get_dataset(client, "velos")

    clock.run(main())


def test_without_a_retry_policy_no_call_waits(scripted: Scripted) -> None:
    portal = Portal(lambda number: limited(Retry_After=7) if number == 0 else OK)

    async def main() -> None:
        async with scripted(portal, retry=None) as client:
            with pytest.raises(RateLimitedError, match="wait 7 s"):
                await datasets.get_dataset(client, "velos")
            with pytest.raises(RateLimitedError, match=r"wait .* s, not sent"):
                await datasets.get_dataset(client, "velos")
            await asyncio.sleep(7)
            await datasets.get_dataset(client, "velos")

    clock.run(main())
    assert len(portal.times) == 2


def test_a_429_of_another_host_does_not_pause_the_portal(scripted: Scripted) -> None:
    def portal(request: httpx.Request) -> httpx.Response:
        if request.url.host == "portal.example":
            return httpx.Response(302, headers={"Location": "https://elsewhere.example/file"})
        return limited(Retry_After=30, X_RateLimit_Remaining=0, X_RateLimit_Reset=4e9)

    async def main() -> float:
        async with scripted(portal) as client:
            for _ in range(2):
                with pytest.raises(RateLimitedError, match="elsewhere"):
                    await datasets.get_dataset(client, "velos")
        return now()

    assert clock.run(main()) == 0


# ---- The quota


class Quota:
    """A portal with a quota per time window, which it announces by a clock that may be wrong."""

    def __init__(self, limit: int, seconds: int, skew: int) -> None:
        self._limit, self._seconds, self._skew = limit, seconds, skew
        self._used: Counter[int] = Counter()
        self.rejected = 0

    def __call__(self, _: int) -> httpx.Response:
        window = int(now() // self._seconds)
        self._used[window] += 1
        left = self._limit - self._used[window]
        self.rejected += left < 0
        at = time.gmtime(int(now()) + self._skew)
        headers = {
            "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", at),
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(max(left, 0)),
            "X-RateLimit-Reset": str((window + 1) * self._seconds + self._skew),
        }
        return httpx.Response(200 if left >= 0 else 429, headers=headers, json={"id": "1"})


@pytest.mark.parametrize("skew", [0, 10**9, 10**9 + 3600])
@pytest.mark.parametrize(("limit", "seconds"), [(100, 10), (20, 2), (500, 50)])
def test_a_quota_is_never_exceeded_and_almost_fully_used(
    scripted: Scripted, limit: int, seconds: int, skew: int
) -> None:
    quota = Quota(limit, seconds, skew)
    portal = Portal(quota)

    async def main() -> list[Any]:
        async with scripted(portal, retry=RetryPolicy()) as client:
            return await read(client, 1000)

    assert kinds(clock.run(main())) == {"Dataset": 1000}
    assert quota.rejected == 0
    # The headers have whole seconds, so each quota may begin a second late.
    assert portal.times[-1] <= 1000 / limit * (seconds + 1)


def test_a_quota_that_resets_too_late_is_an_immediate_error(scripted: Scripted) -> None:
    portal = Portal(Quota(10, 3600, skew=10**9))

    async def main() -> tuple[list[Any], float]:
        async with scripted(portal, retry=RetryPolicy(), max_connections=1) as client:
            return await read(client, 21), now()

    results, ended = clock.run(main())
    assert kinds(results) == {"Dataset": 10, "RateLimitedError": 11}
    assert ended < 20  # The last requests of the quota were spread over time.
    assert results[-1].retry_after == pytest.approx(3600, abs=2)


def test_calls_waiting_for_answers_proceed_once_they_arrive(scripted: Scripted) -> None:
    """The remaining quota may or may not already count the requests in flight."""
    times: list[float] = []

    async def portal(request: httpx.Request) -> httpx.Response:
        times.append(now())
        await asyncio.sleep(0.1 if len(times) == 1 else 1)
        headers = {
            "X-RateLimit-Remaining": "4",
            "X-RateLimit-Reset": "3600",
            "Date": "Thu, 01 Jan 1970 00:00:00 GMT",
        }
        return httpx.Response(200, headers=headers, json={"id": "1"})

    async def main() -> None:
        policy = RetryPolicy(max_wait=7200)
        async with scripted(portal, retry=policy, max_connections=16) as client:
            await read(client, 18)

    clock.run(main())
    assert times == pytest.approx([0] * 16 + [1] * 2)


def test_a_slow_request_does_not_block_others_from_a_new_quota(scripted: Scripted) -> None:
    times: list[float] = []

    async def portal(request: httpx.Request) -> httpx.Response:
        times.append(now())
        if len(times) == 1:
            await asyncio.sleep(1000)
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}
        date = {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}
        return httpx.Response(200, headers=headers | date, json={"id": "1"})

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(), max_connections=2) as client:
            await read(client, 4)

    clock.run(main())
    assert times == pytest.approx([0, 0, 30, 60])


def test_an_open_stream_does_not_count_as_in_flight(scripted: Scripted) -> None:
    async def portal(request: httpx.Request) -> httpx.Response:
        if request.url.host != "portal.example":
            return httpx.Response(200, text="a;b")
        headers = {
            "Location": "https://elsewhere.example/file",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "30",
            "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(int(now()))),
        }
        is_stream = request.url.path.endswith(".csv")
        return httpx.Response(302 if is_stream else 200, headers=headers, json={"id": "1"})

    async def main() -> None:
        async with (
            scripted(portal, retry=RetryPolicy()) as client,
            site.get_site_tags_csv(client) as chunks,
        ):
            await datasets.get_dataset(client, "velos")
            assert b"".join([chunk async for chunk in chunks]) == b"a;b"
        assert 60 > now() >= 30

    clock.run(main())


# ---- The lock after a 423


class ReadOnly(Portal):
    """A portal that is in read-only mode, and refuses to create objects, until a given time."""

    def __init__(self, until: float) -> None:
        super().__init__(ok)
        self.until = until
        self.refused = self.created = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = await super().__call__(request)
        if request.method != "POST":
            return answer
        if now() < self.until:
            self.refused += 1
            return httpx.Response(423, json={"message": "no new content"})
        self.created += 1
        return httpx.Response(201, json={"id": "1"})


def test_a_locked_portal_is_only_sent_requests_that_it_still_accepts(scripted: Scripted) -> None:
    portal = ReadOnly(until=100)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(), max_connections=4) as client:
            results = await create(client, 50)
            assert kinds(results) == {"LockedError": 50}
            assert portal.refused <= 4
            assert now() < 0.1
            local = [one for one in results if not one.attempts]
            assert len(local) >= 46
            assert local[0].message == "no new content"
            assert local[0].response is None
            assert local[0].retry_after == pytest.approx(60, abs=0.1)
            assert "create_reuse: 423 no new content, wait" in str(local[0])
            # Reads and updates still work.
            assert kinds(await read(client, 10)) == {"Dataset": 10}
            await reuses.update_reuse(client, "1", body=BODY)

            before = portal.refused
            await asyncio.sleep(61)
            assert kinds(await create(client, 50)) == {"LockedError": 50}
            assert portal.refused == before + 1

            await asyncio.sleep(61)
            assert kinds(await create(client, 50)) == {"Reuse": 50}

    clock.run(main())
    assert portal.created == 50


def test_calls_can_wait_for_the_unlock(scripted: Scripted) -> None:
    portal = ReadOnly(until=200)

    async def main() -> None:
        policy = RetryPolicy(wait_for_unlock=600)
        async with scripted(portal, retry=policy, max_connections=4) as client:
            creates = asyncio.ensure_future(create(client, 50))
            await asyncio.sleep(1)
            assert portal.refused == 4
            assert kinds(await read(client, 10)) == {"Dataset": 10}
            assert kinds(await creates) == {"Reuse": 50}
            assert now() == pytest.approx(240, abs=2)
        # One probe was sent after each of the first three minutes.
        assert portal.refused == 4 + 3

    clock.run(main())


def test_waiting_for_the_unlock_is_limited(scripted: Scripted) -> None:
    portal = ReadOnly(until=10_000)

    async def main() -> list[Any]:
        policy = RetryPolicy(wait_for_unlock=200, cool_down=30)
        async with scripted(portal, retry=policy, max_connections=4) as client:
            results = await create(client, 20)
            assert 170 < now() < 201
            return results

    assert kinds(clock.run(main())) == {"LockedError": 20}
    assert portal.refused <= 4 + 6


@pytest.mark.parametrize(
    "outcome", [httpx.Response(429), httpx.Response(503), httpx.ConnectError("refused")]
)
def test_an_inconclusive_probe_leaves_the_portal_locked(
    scripted: Scripted, outcome: httpx.Response | Exception
) -> None:
    answers: list[httpx.Response | Exception] = [httpx.Response(423), outcome, httpx.Response(423)]
    calls = 0

    async def portal(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        await asyncio.sleep(1)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(attempts=1)) as client:
            await create(client)
            await asyncio.sleep(60)
            assert kinds(await create(client)) != {"LockedError": 1}
            # The next call probes again, and the others wait for it.
            assert kinds(await create(client, 20)) == {"LockedError": 20}

    clock.run(main())
    assert calls == 3


def test_a_cancelled_probe_is_replaced_by_the_next_call(scripted: Scripted) -> None:
    portal = ReadOnly(until=30)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            await create(client)
            await asyncio.sleep(61)
            probe = asyncio.ensure_future(reuses.create_reuse(client, body=BODY))
            others = asyncio.ensure_future(create(client, 5))
            await asyncio.sleep(0.01)
            probe.cancel()
            assert kinds(await others) == {"Reuse": 5}

    clock.run(main())


def test_calls_waiting_to_be_sent_fail_at_once_when_locked(scripted: Scripted) -> None:
    portal = ReadOnly(until=10_000)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(), rate=None, max_connections=2) as client:
            slow = client.with_options(rate=1)
            reads = asyncio.ensure_future(read(slow, 200))
            first = asyncio.ensure_future(create(slow, 20))
            second = asyncio.ensure_future(create(client.with_options(rate=5), 20))
            assert kinds(await first) == kinds(await second) == {"LockedError": 20}
            assert now() < 2
            assert portal.refused <= 5
            assert kinds(await reads) == {"Dataset": 200}
        assert now() > 190

    clock.run(main())


@pytest.mark.parametrize("steps", range(20))
def test_two_simultaneous_423s_refuse_each_waiting_call_once(
    scripted: Scripted, steps: int
) -> None:
    """The second answer arrives a given number of event loop steps after the first."""
    calls = 0

    async def portal(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        steps_late = steps if calls == 2 else 0
        await asyncio.sleep(5 - now())
        for _ in range(steps_late):
            await asyncio.sleep(0)
        return httpx.Response(423, json={"message": "locked"})

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(), max_connections=2) as client:
            assert kinds(await create(client, 8)) == {"LockedError": 8}
        assert calls == 2

    clock.run(main())


def test_an_answer_to_a_request_sent_before_the_lock_does_not_unlock(
    scripted: Scripted,
) -> None:
    calls = 0

    async def portal(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        is_first = calls == 1
        await asyncio.sleep(2 if is_first else 1)
        return httpx.Response(201 if is_first else 423, json={"id": "1"})

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            assert kinds(await create(client, 2)) == {"Reuse": 1, "LockedError": 1}
            assert kinds(await create(client, 20)) == {"LockedError": 20}

    clock.run(main())
    assert calls == 2


def test_a_423_with_a_truncated_body_still_locks(scripted: Scripted) -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            raise httpx.ReadError("broken off")
            yield b""

    portal = Portal(lambda _: httpx.Response(423, stream=Broken()))

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            for _ in range(3):
                assert kinds(await create(client)) == {"LockedError": 1}

    clock.run(main())
    assert len(portal.times) == 1


@pytest.mark.parametrize("status", [308, 401, 429, 500, 503])
def test_a_status_unrelated_to_the_lock_leaves_it(scripted: Scripted, status: int) -> None:
    statuses = [423, status]
    calls = 0

    async def portal(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        answer = statuses.pop(0) if statuses else 423
        await asyncio.sleep(1)
        return httpx.Response(answer, headers={"Location": "/api/1/reuses/other/"})

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(attempts=1)) as client:
            await create(client)
            await asyncio.sleep(60)
            await create(client)
            await create(client, 20)

    clock.run(main())
    assert calls == 3


def test_waiting_for_the_probe_of_another_call_is_limited(scripted: Scripted) -> None:
    async def portal(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1000 if now() > 10 else 0)
        return httpx.Response(423)

    async def main() -> None:
        policy = RetryPolicy(wait_for_unlock=200)
        async with scripted(portal, retry=policy, timeout=2000) as client:
            calls = [asyncio.ensure_future(create(client)) for _ in range(3)]
            done, _ = await asyncio.wait(calls, timeout=300)
            assert len(done) == 2  # The third call is still in flight.
            assert now() == 300
            assert kinds(await calls[0]) == {"LockedError": 1}

    clock.run(main())


class Pipe(BytesIO):
    def seekable(self) -> bool:
        return False


def test_an_unseekable_file_is_not_read_while_waiting_for_the_unlock(scripted: Scripted) -> None:
    portal = ReadOnly(until=10)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(wait_for_unlock=300)) as client:
            other = asyncio.ensure_future(create(client))
            await asyncio.sleep(1)
            upload = FileUpload(file=File(Pipe(b"a;b"), "a.csv"))
            await datasets.upload_new_dataset_resource(client, "velos", body=upload)
            assert kinds(await other) == {"Reuse": 1}

    clock.run(main())
    assert portal.created == 2


@pytest.mark.parametrize(
    ("status", "is_open"),
    [(201, False), (400, False), (404, False), (308, True), (401, True), (500, True)],
)
def test_only_some_statuses_show_the_end_of_the_lock(status: int, is_open: bool) -> None:
    breaker = Breaker()
    breaker.open("no new content", now=0, until=60)
    breaker.observe(status, sent=61)
    assert breaker.is_open is is_open


def test_a_423_of_another_host_does_not_lock_the_portal(scripted: Scripted) -> None:
    def portal(request: httpx.Request) -> httpx.Response:
        if request.url.host == "elsewhere.example":
            return httpx.Response(423)
        elsewhere = httpx.Response(302, headers={"Location": "https://elsewhere.example/"})
        return elsewhere if request.method == "GET" else httpx.Response(201, json={"id": "1"})

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            assert kinds(await read(client)) == {"LockedError": 1}
            assert kinds(await create(client)) == {"Reuse": 1}

    clock.run(main())


def test_a_lock_lasts_for_the_retry_after_of_the_portal(scripted: Scripted) -> None:
    locked = httpx.Response(423, headers={"Retry-After": "100"})
    portal = Portal(lambda number: locked if number == 0 else OK)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(cool_down=60)) as client:
            assert kinds(await create(client)) == {"LockedError": 1}
            await asyncio.sleep(99)
            assert kinds(await create(client)) == {"LockedError": 1}
            await asyncio.sleep(1)
            assert kinds(await create(client)) == {"Reuse": 1}

    clock.run(main())
    assert len(portal.times) == 2


def test_time_spent_locked_does_not_count_towards_other_retries(scripted: Scripted) -> None:
    """After an hour of read-only mode, a 429 is still retried."""
    statuses = [423] * 60 + [429, 429, 201]

    def portal(request: httpx.Request) -> httpx.Response:
        return httpx.Response(statuses.pop(0), json={"id": "1"})

    async def main() -> None:
        policy = RetryPolicy(wait_for_unlock=7200, retry_for=300, attempts=3)
        async with scripted(portal, retry=policy) as client:
            assert kinds(await create(client)) == {"Reuse": 1}
        assert now() > 3600

    clock.run(main())
    assert not statuses


def test_an_error_reports_the_time_waited_for_the_unlock(scripted: Scripted) -> None:
    portal = ReadOnly(until=10_000)

    async def main() -> None:
        policy = RetryPolicy(wait_for_unlock=200)
        async with scripted(portal, retry=policy, max_connections=1) as client:
            results = await create(client, 3)
            assert [one.waited for one in results] == pytest.approx([180] * 3, abs=1)
            assert sum(one.attempts for one in results) == portal.refused

    clock.run(main())


# ---- Connections


def test_a_call_waiting_for_the_rate_holds_no_connection(scripted: Scripted) -> None:
    async def main() -> None:
        async with scripted(Portal(ok), max_connections=1) as client:
            slow = asyncio.ensure_future(read(client.with_options(rate=0.01), 2))
            await asyncio.sleep(1)
            await read(client, 5)
            assert now() < 2
            assert kinds(await slow) == {"Dataset": 2}

    clock.run(main())


def test_a_pause_applies_to_calls_already_waiting_for_a_connection(scripted: Scripted) -> None:
    portal = Portal(lambda number: limited(Retry_After=20) if number == 0 else OK)

    async def main() -> list[Any]:
        async with scripted(portal, retry=RetryPolicy(), max_connections=1) as client:
            return await read(client, 3)

    assert kinds(clock.run(main())) == {"Dataset": 3}
    assert portal.times[0] == 0
    assert min(portal.times[1:]) >= 20


def test_10000_tasks_share_the_connections(scripted: Scripted) -> None:
    portal = Portal(ok, latency=1)

    async def main() -> list[Any]:
        async with scripted(portal, max_connections=16) as client:
            return await read(client, 10_000)

    assert kinds(clock.run(main())) == {"Dataset": 10_000}
    assert portal.most == 16


def test_the_pool_timeout_limits_the_wait_for_a_connection(scripted: Scripted) -> None:
    portal = Portal(ok, latency=10)

    async def main() -> None:
        timeout = httpx.Timeout(30, pool=3)
        async with scripted(portal, timeout=timeout, max_connections=1) as client:
            first = asyncio.ensure_future(read(client))
            await asyncio.sleep(1)
            with pytest.raises(TimeoutError, match="no connection was free within 3 s") as caught:
                await datasets.get_dataset(client, "velos")
            assert not caught.value.is_sent
            assert now() == pytest.approx(4)
            assert kinds(await first) == {"Dataset": 1}

    clock.run(main())


def test_failed_and_cancelled_calls_release_their_connection(scripted: Scripted) -> None:
    async def fails(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1)
        if request.url.path.endswith("/404/"):
            return httpx.Response(404)
        raise httpx.ReadError("reset")

    async def main() -> None:
        async with scripted(fails, max_connections=2) as client:
            for _ in range(5):
                with pytest.raises(NotFoundError):
                    await datasets.get_dataset(client, "404")
                with pytest.raises(DataGouvError, match="reset"):
                    await datasets.get_dataset(client, "velos")
                call = asyncio.ensure_future(read(client))
                await asyncio.sleep(0.5)
                call.cancel()
                await asyncio.wait([call])
        assert client._shared.gate._free == 2
        assert client._shared.gate._limits.in_flight == 0

    clock.run(main())


# ---- Random scenarios

SURPRISES: list[Callable[[random.Random], httpx.Response | Exception]] = [
    lambda _: httpx.Response(404),
    lambda _: httpx.Response(423, json={"message": "no new content"}),
    lambda _: limited(),
    lambda chance: limited(Retry_After=chance.choice([0, 3, 200, "soon"])),
    lambda _: httpx.Response(503, headers={"Retry-After": "2"}),
    lambda _: httpx.Response(308, headers={"Location": "/api/1/datasets/other/"}),
    lambda _: httpx.Response(200, content=b'{"id"'),
    lambda _: httpx.ReadError("reset"),
    lambda _: httpx.ConnectError("refused"),
]


@pytest.mark.parametrize("seed", range(60))
def test_nothing_hangs_and_every_connection_is_released(seed: int) -> None:
    """Random answers, quotas, options and cancellations leave no connection or lock in use."""
    chance = random.Random(seed)
    in_flight = most = 0

    async def portal(request: httpx.Request) -> httpx.Response:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        try:
            await asyncio.sleep(chance.choice([0, 0.1, 2]))
        finally:
            in_flight -= 1
        answer = chance.choice(SURPRISES)(chance) if chance.random() < 0.3 else ok(0)
        if isinstance(answer, Exception):
            raise answer
        if chance.random() < 0.2:
            answer.headers["X-RateLimit-Limit"] = "9"
            answer.headers["X-RateLimit-Remaining"] = str(chance.randrange(4))
            answer.headers["X-RateLimit-Reset"] = str(int(now()) + chance.randrange(9))
            answer.headers["Date"] = time.strftime(
                "%a, %d %b %Y %H:%M:%S GMT", time.gmtime(int(now()))
            )
        return answer

    async def call(client: Client) -> None:
        await asyncio.sleep(chance.choice([0, 1, 30]))
        with suppress(DataGouvError):
            if chance.random() < 0.5:
                await reuses.create_reuse(client, body=BODY)
            else:
                await datasets.get_dataset(client, "velos")

    async def main() -> None:
        url, transport = "https://portal.example/", httpx.MockTransport(portal)
        options: dict[str, Any] = {"retry": RetryPolicy(wait_for_unlock=90), "max_connections": 3}
        async with client_of(url, transport=transport, **options) as client:
            clients = [
                client,
                client.with_options(rate="auto"),
                client.with_options(rate=2, retry=RetryPolicy()),
                client.with_options(retry=None),
            ]
            calls = [asyncio.ensure_future(call(chance.choice(clients))) for _ in range(40)]
            for one in chance.sample(calls, 10):
                await asyncio.sleep(chance.choice([0, 0.05, 1]))
                one.cancel()
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(one) for one in results} <= {type(None), asyncio.CancelledError}
        gate = client._shared.gate
        assert gate._free == 3
        assert gate._limits.in_flight == 0
        assert not gate._is_probing
        assert not any([gate._line, gate._creators, *gate._queues.values()])

    clock.run(main())
    assert most <= 3


def test_a_derived_client_gets_its_rate_below_a_busy_parent(scripted: Scripted) -> None:
    sent = Counter[str]()

    def portal(request: httpx.Request) -> httpx.Response:
        sent[request.url.params.get("lang", "parent")] += 1
        return OK

    async def work(client: Client) -> None:
        while True:
            await datasets.get_dataset(client, "velos")

    async def main() -> None:
        async with scripted(portal, rate=Rate(50, burst=1)) as client:
            derived = client.with_options(rate=Rate(10, burst=1), lang="fr")
            workers = [*(client for _ in range(60)), *(derived for _ in range(20))]
            tasks = [asyncio.ensure_future(work(one)) for one in workers]
            await asyncio.sleep(4)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    clock.run(main())
    assert 30 < sent["fr"] <= 41
    assert sent["fr"] + sent["parent"] == pytest.approx(200, abs=4)


class Steady(Rate):
    """A rate without equality by value, nor a hash."""

    __hash__ = None  # type: ignore[assignment]


def test_a_rate_object_is_shared_by_the_clients_that_have_it(scripted: Scripted) -> None:
    portal = Portal(ok, latency=0)
    rate = Steady(2, burst=1)

    async def main() -> None:
        async with scripted(portal, rate=rate) as client:
            await read(client.with_options(rate=rate), 3)
        async with scripted(portal, rate=None) as client:
            await asyncio.gather(*(read(client.with_options(rate=rate)) for _ in range(3)))

    clock.run(main())
    assert portal.times == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5])
