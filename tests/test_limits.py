"""The rate at which a client sends: evenly, in order, all tasks together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv import Client
from aiodatagouv.api import datasets
from aiodatagouv.limits import RateLimiter

from . import clock

Scripted = Callable[..., Client]


@given(
    rate=st.floats(0.1, 1000),
    gaps=st.lists(st.floats(0, 10), min_size=2, max_size=60),
)
def test_no_second_has_more_than_the_rate_and_its_burst(rate: float, gaps: list[float]) -> None:
    limiter = RateLimiter(rate)
    now, sent = 0.0, list[float]()
    for gap in gaps:
        now += gap
        now += limiter.delay(now)
        limiter.take(now)
        sent.append(now)
    assert sent == sorted(sent)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            allowed = 1 + rate * (sent[last] - sent[first]) + max(0, rate - 1)
            assert last - first + 1 <= allowed + 1e-6


def test_who_comes_too_early_waits_no_longer_than_needed() -> None:
    limiter = RateLimiter(4)
    waits = []
    for _ in range(6):
        waits.append(limiter.delay(0))
        limiter.take(0)
    assert waits == [0, 0, 0, 0, 0.25, 0.5]
    assert limiter.delay(100) == 0


def test_who_gives_up_waiting_takes_no_place(scripted: Scripted) -> None:
    async def main() -> float:
        clock = asyncio.get_running_loop().time
        async with scripted(lambda _: httpx.Response(200, json={}), rate=5) as client:
            calls = [
                asyncio.ensure_future(datasets.get_dataset(client, "velos")) for _ in range(50)
            ]
            await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            await datasets.get_dataset(client, "velos")
        return clock()

    assert clock.run(main()) < 0.5


def test_closing_the_client_ends_what_waits_for_its_turn(scripted: Scripted) -> None:
    async def main() -> tuple[float, list[BaseException | object]]:
        async with scripted(lambda _: httpx.Response(200, json={}), rate=1) as client:
            calls = [asyncio.ensure_future(datasets.get_dataset(client, "velos")) for _ in range(9)]
            await asyncio.sleep(0.1)
        results = await asyncio.gather(*calls, return_exceptions=True)
        return asyncio.get_running_loop().time(), list(results)

    ended, results = clock.run(main())
    assert ended < 0.2
    assert [type(one).__name__ for one in results] == ["Dataset"] + ["RuntimeError"] * 8


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_makes_no_sense(rate: float) -> None:
    with pytest.raises(ValueError, match="requests a second above 0"):
        RateLimiter(rate)


def test_all_tasks_of_a_client_keep_the_rate_together(scripted: Scripted) -> None:
    times: list[float] = []

    def portal(request: httpx.Request) -> httpx.Response:
        times.append(asyncio.get_running_loop().time())
        return httpx.Response(200, json={})

    async def main() -> None:
        async with scripted(portal, rate=5) as client:
            await asyncio.gather(*(datasets.get_dataset(client, "velos") for _ in range(25)))
            # Another rate is for the calls of the client that has it.
            slow = client.with_options(rate=0.5)
            await asyncio.gather(*(datasets.get_dataset(slow, "velos") for _ in range(3)))
            quick = client.with_options(rate=None)
            await asyncio.gather(*(datasets.get_dataset(quick, "velos") for _ in range(9)))

    clock.run(main())
    assert times[:25] == pytest.approx([*[0] * 5, *(0.2 * n for n in range(1, 21))])
    assert times[25:28] == pytest.approx([4, 6, 8])
    assert times[28:] == pytest.approx([8] * 9)
