"""Waits: ended by their time and by closing, and by nothing else."""

from __future__ import annotations

import asyncio
import math

import pytest

from aiodatagouv._http.waits import Waits

from . import clock


class LateError(Exception):
    pass


def now() -> float:
    return asyncio.get_running_loop().time()


async def wait(waits: Waits, seconds: float, busy: float = 1e9) -> float:
    """Wait for something that takes ``busy`` seconds; return the time at its end."""
    with waits.until(now() + seconds, LateError):
        await asyncio.sleep(busy)
    return now()


def test_each_wait_ends_at_its_own_time() -> None:
    ended: dict[float, float] = {}

    async def late(waits: Waits, seconds: float) -> None:
        with pytest.raises(LateError):
            await wait(waits, seconds)
        ended[seconds] = now()

    async def main() -> None:
        waits = Waits()
        quick = asyncio.create_task(wait(waits, math.inf, 2.5))
        async with asyncio.TaskGroup() as group:
            for seconds in (5, 3, 8, 3.5, 1, 4):
                group.create_task(late(waits, seconds))
        assert await quick == 2.5

    clock.run(main())
    assert ended == {seconds: seconds for seconds in (1, 3, 3.5, 4, 5, 8)}


def test_the_outer_of_two_waits_may_be_late_first() -> None:
    async def nested(waits: Waits, outer: float, inner: float) -> None:
        with waits.until(now() + outer, TimeoutError):
            await wait(waits, inner)

    async def main() -> None:
        waits, task = Waits(), asyncio.current_task()
        assert task is not None
        for outer, inner, error in ((9, 4, LateError), (4, 9, TimeoutError), (4, 4, TimeoutError)):
            began = now()
            with pytest.raises(error):
                await nested(waits, outer, inner)
            assert now() - began == 4
            assert not task.cancelling()

    clock.run(main())


def test_a_cancellation_stays_one() -> None:
    async def main() -> None:
        waits = Waits()
        late, closed = (asyncio.create_task(wait(waits, seconds)) for seconds in (5, 100))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_at(5, late.cancel)
        await asyncio.wait([late])
        closing = asyncio.create_task(waits.close())
        await asyncio.sleep(0)
        closed.cancel()  # At once after it was told to leave.
        await closing
        assert late.cancelled()
        assert closed.cancelled()

    clock.run(main())


def test_closing_ends_all_waits_and_waits_for_them() -> None:
    left: list[int] = []

    async def slow(waits: Waits, number: int) -> None:
        try:
            with waits.until(now() + 10, LateError):
                try:
                    await asyncio.Event().wait()
                finally:
                    await asyncio.sleep(number)
        finally:
            left.append(number)

    async def main() -> None:
        waits = Waits()
        tasks = [asyncio.create_task(slow(waits, number)) for number in (3, 1, 2)]
        await asyncio.sleep(0)
        await waits.close()
        assert left == [1, 2, 3]
        for task in tasks:
            with pytest.raises(RuntimeError, match="closed during a call"):
                await task
        with pytest.raises(RuntimeError, match="closed during a call"):
            await wait(waits, 1)
        await waits.close()

    clock.run(main())


def test_a_late_wait_is_not_ended_again_by_closing() -> None:
    async def main() -> None:
        waits = Waits()

        async def slow() -> None:
            with waits.until(now() + 1, LateError):
                try:
                    await asyncio.Event().wait()
                finally:
                    await asyncio.sleep(5)

        task = asyncio.create_task(slow())
        await asyncio.sleep(2)
        await waits.close()
        with pytest.raises(LateError):
            await task
        assert now() == 6

    clock.run(main())


def test_the_time_of_a_wait_that_has_ended_means_nothing() -> None:
    async def main() -> None:
        waits = Waits()
        assert await wait(waits, 5, 1) == 1
        assert await wait(waits, 9, 8) == 9
        await waits.close()

    clock.run(main())
