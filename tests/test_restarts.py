"""A portal that restarts in the middle: calls in flight break, then none arrives for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from attrs import define

from aiodatagouv import NetworkError, RetryPolicy, ServerError, bulk
from aiodatagouv.api import datasets
from aiodatagouv.bulk.writer import Writer

from . import clock
from .clients import client_of
from .harvests import ids
from .moving import MovingPortal
from .servers import OK, server

CALM = 5.0
"""The least virtual seconds between two restarts."""


@define(slots=False)
class RestartingPortal(MovingPortal):
    """A portal behind nginx that restarts at random, and needs some time to come back."""

    stops: float = CALM
    starts: float = CALM
    restarts: int = 0

    async def answer(self, request: httpx.Request) -> httpx.Response:
        time = asyncio.get_running_loop().time()
        if time >= self.starts:  # Plan the next restart.
            self.restarts += self.stops <= time
            self.stops = time + CALM + 5 * self.chance.random()
            self.starts = self.stops + 12 * self.chance.random()
        took = 0.3 * self.chance.random()
        await asyncio.sleep(took)
        if time + took < self.stops:
            return await super().answer(request)
        if time < self.stops:  # In flight.
            if self.chance.random() < 0.5:
                raise httpx.RemoteProtocolError("Server disconnected", request=request)
            whole = await super().answer(request)
            return httpx.Response(
                200, headers={"Content-Length": "99999"}, stream=_Broken(whole.content[:-9])
            )
        if self.chance.random() < 0.5:
            raise httpx.ConnectError("Connection refused", request=request)
        status = self.chance.choice([502, 503, 504])
        return httpx.Response(status, html="<h1>nginx</h1>", headers={"Retry-After": "2"})


@define
class _Broken(httpx.AsyncByteStream):
    content: bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content
        raise httpx.ReadError("Connection reset by peer")


@pytest.mark.parametrize("seed", range(20))
def test_a_walk_goes_on_over_restarts_of_the_portal(seed: int) -> None:
    portal = RestartingPortal.of(400, seed, left=0)
    kind = {"stable": True} if seed % 2 else {}

    async def main() -> list[int]:
        async with portal.client(retry=RetryPolicy()) as client:
            found = datasets.list_datasets(client, page_size=2).items(**kind, concurrency=3)
            return [int(item.id) async for item in found]

    assert sorted(clock.run(main())) == [*range(400)]
    assert portal.restarts >= 1


@pytest.fixture
def no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write in the event loop: virtual time does not wait for threads."""

    async def run(_: Writer, work: Callable[[], object]) -> object:
        return work()

    monkeypatch.setattr(Writer, "run", run)


@pytest.mark.usefixtures("short", "no_thread")
@pytest.mark.parametrize("seed", range(20))
def test_a_harvest_goes_on_over_restarts_or_is_resumed(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    portal = RestartingPortal.of(400, seed, left=0)
    # Without retries each restart ends it, as does a portal that is down for long.
    policy = None if seed % 2 else RetryPolicy()
    runs = 0

    async def main() -> bulk.Report:
        nonlocal runs
        while True:
            runs += 1
            async with portal.client(retry=policy) as client:
                found = datasets.list_datasets(client, page_size=2)
                try:
                    return await bulk.harvest(found, path, concurrency=3)
                except (NetworkError, ServerError):
                    assert not path.exists()
            await asyncio.sleep(10)

    report = clock.run(main())
    assert report.complete
    assert (runs > 1) == (seed % 2 == 1)
    assert sorted(ids(path)) == [*range(400)]
    assert portal.restarts >= 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_that_a_restart_has_closed_is_not_used(method: str) -> None:
    """The portal closes the connections that are kept open; the next call opens another one."""
    closes = asyncio.Event()

    async def keeps_open(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        await closes.wait()

    heads: list[str] = []
    async with server(keeps_open, heads) as url, client_of(url) as client:
        assert (await client.request(method, "x")).json() == {}
        closes.set()
        for _ in range(20):
            await asyncio.sleep(0)  # Both sides notice it.
        assert (await client.request(method, "x")).json() == {}
    assert len(heads) == 2
