"""Benchmark of harvests by a cluster: `python benchmarks/cluster.py`.

The first part works out, from the arithmetic of pages, how ten portals of 1,000,000 objects would
be harvested by 50 workers: requests, and hours at several rates. The second part checks this
against a real cluster of 50 workers that harvests ten simulated portals at once, scaled down: the
portals must count exactly the requests that were worked out, and no worker may starve at five
requests a second. The third part measures the bytes of a dataset and the memory of a worker. The
exit status is 1 if a number is not the one that was worked out.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Thread

import distributed
from aiohttp import web
from replay_portal import Catalogue, Replay, running

from aiodatagouv import Client, Paginator
from aiodatagouv._walk.pages import Batch
from aiodatagouv._walk.stable import backwards
from aiodatagouv.api import datasets
from aiodatagouv.dask import harvest
from aiodatagouv.models import Dataset, DatasetPage

PAGE = 100
PORTALS, OBJECTS, WORKERS = 10, 1_000_000, 50
SHARE = WORKERS // PORTALS
"""Workers for each portal, when all are harvested at once."""

RATES = [5, 20, 50]

SMALL = 4000
"""The objects of each portal in the scaled-down run."""

SLOW_ITEMS, SLOW_RATE = 5000, 5
CHANGES = 10_000

RELEASE = 3
"""The requests for the release of a portal, which a harvest to Parquet asks for once."""


@dataclass(frozen=True)
class Part:
    """A part of a list, between two offsets.

    Attributes:
        start: The offset of its first item.
        end: The offset of the first item after it.
        total: The items of the list.
    """

    start: int
    end: int
    total: int

    @property
    def pages(self) -> int:
        """Requests for pages of items."""
        return -(-self.end // PAGE) - self.start // PAGE

    @property
    def stretches(self) -> int:
        """Requests for ids: pages of up to 1,000 that overlap, from the end of the part."""
        if self.start == 0 and self.end == self.total <= PAGE:
            return 0  # A single page cannot miss an item.
        sent = 0

        async def fetch(number: int, size: int | None) -> Batch[None]:
            nonlocal sent
            sent += 1
            assert size is not None
            places = range((number - 1) * size, min(number * size, self.total))
            dates = [dated(place) for place in places]
            ids: list[str | None] = [str(place) for place in places]
            return Batch(None, ids, self.total, size, number * size < self.total, dates)

        async def read() -> None:
            low = dated(self.start) if self.start else None
            high = dated(self.end) if self.end < self.total else None
            stretches = backwards(fetch, self.end, operation="list", size=1000, low=low, high=high)
            async for _ in stretches:
                pass

        asyncio.run(read())
        return sent

    @property
    def requests(self) -> int:
        """All requests of its harvest."""
        return self.pages + self.stretches


def dated(place: int) -> dt.datetime:
    """Return the date of creation of the item at an offset."""
    return dt.datetime(2000, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=place)


def split(items: int, parts: int) -> list[Part]:
    """Return the parts of a list."""
    cuts = [*sorted({items * number // parts for number in range(parts)}), items]
    return [Part(start, end, items) for start, end in pairwise(cuts)]


def seconds(parts: list[Part], workers: int, rate: float) -> float:
    """Simulate the rate limits: return the seconds that a harvest takes at least.

    Each part in progress sends a request every ``workers / rate`` seconds, and waits as long before
    its first one. The parts follow each other as in `aiodatagouv.dask`: each waits for the one that
    is as many numbers before it as there are workers.
    """
    ends = [0.0] * workers
    for number, part in enumerate(parts):
        ends[number % workers] += (part.requests + 1) * workers / rate
    return (len(parts) + RELEASE) / rate + max(ends)


def work_out() -> None:
    """Print the requests and hours of the whole harvest, and of an update."""
    print(f"{PORTALS} portals of {OBJECTS:,} objects, {WORKERS} workers; for each portal:\n")
    print(
        "| portals at once | workers for each | parts | split, release | pages | ids | requests |",
        end="",
    )
    print("".join(f" hours at {rate}/s |" for rate in RATES))
    print("|---" * (7 + len(RATES)) + "|")
    for workers in (SHARE, WORKERS):
        parts = split(OBJECTS, 4 * workers)
        pages, ids = sum(one.pages for one in parts), sum(one.stretches for one in parts)
        at_once = WORKERS // workers
        before = len(parts) + RELEASE
        cells = [at_once, workers, len(parts), before, pages, ids, before + pages + ids]
        rounds = PORTALS // at_once
        hours = [rounds * seconds(parts, workers, rate) / 3600 for rate in RATES]
        print("| " + " | ".join(f"{cell:,}" for cell in cells), end="")
        print("".join(f" | {hour:.2f}" for hour in hours) + " |")
    print(f"\nAn update with {CHANGES:,} changes:\n")
    print("| parts | changes, read once | ids | requests | if read for each part |")
    print("|---|---|---|---|---|")
    for workers in (SHARE, WORKERS):
        parts = split(OBJECTS, 4 * workers)
        ids, once = sum(one.stretches for one in parts), -(-CHANGES // (PAGE - 12)) + 1
        rest = ids + RELEASE
        cells = [len(parts), once, ids, rest + once, rest + once * len(parts)]
        print("| " + " | ".join(f"{cell:,}" for cell in cells) + " |")
    print()


def titles(client: Client) -> Paginator[DatasetPage, Dataset]:
    """Return the list with few fields."""
    return datasets.list_datasets(client, fields="id,title")


def whole(client: Client) -> Paginator[DatasetPage, Dataset]:
    """Return the list with all fields."""
    return datasets.list_datasets(client)


@contextmanager
def portals(count: int, items: int) -> Iterator[list[tuple[str, list[float]]]]:
    """Run portals in a thread, and yield the URL of each, and the times of its requests."""
    loop, catalogue = asyncio.new_event_loop(), Catalogue(items)
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runners: list[web.AppRunner] = []

    async def start() -> tuple[str, list[float]]:
        app, replay = web.Application(), Replay(catalogue, 0.0)
        app.router.add_get("/api/1/datasets/", replay.list_datasets)
        app.router.add_get("/{path:.*}", replay.describe)
        runner = web.AppRunner(app, access_log=None)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/", replay.times

    yield [asyncio.run_coroutine_threadsafe(start(), loop).result() for _ in range(count)]
    for runner in runners:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@contextmanager
def cluster(workers: int, *, processes: bool) -> Iterator[distributed.Client]:
    """Run a cluster of workers with one thread each."""
    with ExitStack() as stack:
        local = stack.enter_context(
            distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=processes,
                dashboard_address=":0",
                silence_logs=50,
            )
        )
        yield stack.enter_context(distributed.Client(local))


def run_scaled_down(client: distributed.Client, folder: Path) -> bool:
    """Harvest ten small portals at once; whether each counted the requests worked out."""
    parts = split(SMALL, 4 * SHARE)
    before = len(parts) + RELEASE
    expected = before + sum(one.requests for one in parts)
    with portals(PORTALS, SMALL) as running_portals, ThreadPoolExecutor(PORTALS) as threads:

        def run(number: int) -> int:
            url, _ = running_portals[number]
            place = folder / f"portal-{number}"
            report = harvest(
                client, titles, place, base_url=url, workers=SHARE, rate=100, retry=None
            )
            assert report.complete
            assert report.items == SMALL
            return report.requests

        began = time.monotonic()
        # The split and the release are not a part's, and so not in the report.
        reported = [count + before for count in threads.map(run, range(PORTALS))]
        took = time.monotonic() - began
        counted = [len(times) for _, times in running_portals]
    print(f"{PORTALS} portals of {SMALL:,} objects at once, {WORKERS} workers, {took:.0f} s:")
    print(f"requests worked out {expected}, counted {counted}, reported {reported}\n")
    return counted == reported == [expected] * PORTALS


def run_slowly(client: distributed.Client, folder: Path) -> bool:
    """Harvest at five requests a second with 50 workers; whether every part was completed."""
    with portals(1, SLOW_ITEMS) as [(url, times)]:
        began, now = time.monotonic(), time.time()
        harvest(client, titles, folder, base_url=url, parts=WORKERS, rate=SLOW_RATE, retry=None)
        took = time.monotonic() - began
    expected = seconds(split(SLOW_ITEMS, WORKERS), WORKERS, SLOW_RATE)
    ends = [path.stat().st_mtime - now for path in folder.glob("part-*")]
    most = max(sum(start <= one < start + 10 for one in times) for start in times) / 10
    print(f"{SLOW_ITEMS:,} objects, {WORKERS} workers, {SLOW_RATE} requests a second: {took:.0f} s")
    print(f"(worked out: {expected:.0f} s), at most {most:.1f}/s in 10 s;")
    print(f"the first part ended after {min(ends):.0f} s, the last one after {max(ends):.0f} s")
    return len(ends) == WORKERS


def peak() -> int:
    """Return the peak memory of this process, in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure_worker(folder: Path) -> None:
    """Print the bytes of a dataset, and the memory of a worker that harvests whole datasets."""
    items = 20_000
    with running(items) as url, cluster(1, processes=True) as client:
        idle = max(client.run(peak).values())
        report = harvest(client, whole, folder, base_url=url, rate=10_000, parts=2)
        most = max(client.run(peak).values())
    size = sum(path.stat().st_size for path in folder.glob("part-*"))
    print(f"{report.bytes / items / 1000:.1f} kB received for each whole dataset, ", end="")
    print(f"{size / items / 1000:.2f} kB in Parquet;")
    print(f"{PORTALS} x {OBJECTS:,}: {report.bytes / items * PORTALS * OBJECTS / 1e9:.0f} GB")
    print(f"peak memory of a worker: {most / 1024:.0f} MB, of which idle {idle / 1024:.0f} MB\n")


def main() -> None:
    """Run all parts."""
    work_out()
    with tempfile.TemporaryDirectory() as folder:
        measure_worker(Path(folder, "whole"))  # The peak of a new process is its parent's at least.
        with cluster(WORKERS, processes=False) as client:
            is_exact = run_scaled_down(client, Path(folder))
            is_fair = run_slowly(client, Path(folder, "slow"))
    sys.exit(not (is_exact and is_fair))


if __name__ == "__main__":
    main()
