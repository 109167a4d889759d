"""Clocks that are wrong, or set meanwhile: the portal's and this machine's."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import Counter
from email.utils import format_datetime
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from aiodatagouv import RetryPolicy
from aiodatagouv._call import responses
from aiodatagouv._limits import gate
from aiodatagouv.api import datasets
from aiodatagouv.bulk._journal import checkpoint

from . import clock
from .clients import client_of
from .harvests import cut_off, harvest, read
from .moving import START, MovingPortal

YEAR, HOUR = 365 * 86400, 3600

NOW = START + dt.timedelta(days=200)


class DatedPortal(MovingPortal):
    """A portal that dates its answers."""

    async def answer(self, request: httpx.Request) -> httpx.Response:
        response = await super().answer(request)
        response.headers["Date"] = format_datetime(NOW, usegmt=True)
        return response


# ---- Harvests


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("wrong", [*product([-YEAR, 0, YEAR], repeat=2)])
async def test_a_clock_that_is_set_between_two_runs_loses_no_change(
    wrong: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, portal = tmp_path / "a.jsonl", DatedPortal.of(30, 0, left=0)

    def set_clock(seconds: int) -> None:
        class Wrong(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> Wrong:
                return cls.fromtimestamp((NOW + dt.timedelta(seconds=seconds)).timestamp(), tz)

        names = {**vars(dt), "datetime": Wrong}
        monkeypatch.setattr(checkpoint, "dt", SimpleNamespace(**names))

    set_clock(wrong[0])
    await cut_off(path, portal)
    set_clock(wrong[1])
    assert (await harvest(portal, path)).resumed > 0
    # The harvest had begun already.
    portal.updated = {3: (1, int((NOW - START).total_seconds()))}
    await harvest(portal, path, since="last")
    assert read(path)[3]["title"] == "Jeu 3, version 1"


# ---- Limits


class Window:
    """A portal with a quota of 100 requests in 10 seconds, whose clock is set at some request.

    Attributes:
        times: The times of the requests.
        rejected: The number of requests beyond the quota.
    """

    def __init__(self, jumps: dict[int, int], *, states_quota: bool) -> None:
        self.times: list[float] = []
        self.rejected = 0
        self._jumps = jumps
        self._ahead = 1_700_000_000
        self._used = Counter[int]()
        self._states_quota = states_quota

    async def __call__(self, _: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.5)
        self.times.append(gate.now())
        self._ahead += self._jumps.get(len(self.times), 0)
        window = int(gate.now() // 10)
        self._used[window] += 1
        left = 100 - self._used[window]
        self.rejected += left < 0
        reset = (window + 1) * 10 + self._ahead
        headers = {"Date": http_date(int(gate.now()) + self._ahead)}
        if self._states_quota:
            headers |= {
                "X-RateLimit-Limit": "100",
                "X-RateLimit-Remaining": str(max(left, 0)),
                "X-RateLimit-Reset": str(reset),
            }
        elif left < 0:
            headers["Retry-After"] = http_date(reset)
        return httpx.Response(200 if left >= 0 else 429, headers=headers, json={"id": "1"})


def http_date(unix: int) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(unix))


@pytest.mark.parametrize("states_quota", [True, False])
@pytest.mark.parametrize("jump", [-YEAR, -HOUR, HOUR, YEAR])
@pytest.mark.parametrize(("first", "back"), [(1, 2), (101, 250), (333, 10_000)])
def test_a_clock_of_the_portal_that_is_set_changes_no_wait(
    first: int, back: int, jump: int, states_quota: bool
) -> None:
    def ended(portal: Window) -> float:
        async def main() -> float:
            transport = httpx.MockTransport(portal)
            async with client_of(
                "https://portal.example/", transport=transport, retry=RetryPolicy()
            ) as client:
                await asyncio.gather(*(datasets.get_dataset(client, "1") for _ in range(500)))
                return gate.now()

        return clock.run(main())

    undisturbed = ended(Window({}, states_quota=states_quota))
    portal = Window({first: jump, back: -jump}, states_quota=states_quota)
    assert ended(portal) <= undisturbed + 10
    assert not (portal.rejected and states_quota)


def test_the_clock_of_this_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    class Jumping(dt.datetime):
        calls = 0

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Jumping:
            cls.calls += 1
            return cls.fromtimestamp(1_700_000_000 + YEAR * (cls.calls % 7), tz)

    def times() -> list[float]:
        portal = Window({}, states_quota=True)

        async def main() -> None:
            transport = httpx.MockTransport(portal)
            async with client_of(
                "https://portal.example/", transport=transport, retry=RetryPolicy()
            ) as client:
                await asyncio.gather(*(datasets.get_dataset(client, "1") for _ in range(300)))

        clock.run(main())
        return portal.times

    before = times()
    for module in (gate, responses):
        monkeypatch.setattr(module, "datetime", Jumping)
    assert times() == before
    assert Jumping.calls >= 300
