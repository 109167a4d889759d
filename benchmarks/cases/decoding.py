"""The cost of decoding a page, relative to parsing its JSON: a part of `make bench`.

Because the speed of a machine drifts, both sides of a ratio are measured in the same round, and the
result is the median of many rounds.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

import httpx
import orjson
from attrs import define
from measures import turn
from results import Row

from aiodatagouv import Client
from aiodatagouv._decoding.declared import declared
from aiodatagouv._decoding.grammar import alternatives
from aiodatagouv._decoding.json import decode
from aiodatagouv._views.view import View
from aiodatagouv.api import datasets
from aiodatagouv.models import DatasetPage

ROUNDS = 60
FIELDS = ["id", "title", "created_at", "last_update", "tags"]
PAGES = 50


@define
class Five:
    """A dataset with the five fields that the benchmark reads."""

    id: str
    title: str
    created_at: datetime
    last_update: datetime
    tags: list[str]


def page_of(items: list[Any], *, total: int | None = None) -> dict[str, Any]:
    """Return the JSON of a page with the given items."""
    total = len(items) if total is None else total
    numbers = {"page": 1, "page_size": len(items), "total": total}
    return {"data": items, **numbers, "next_page": None, "previous_page": None}


def ratio(work: Callable[[], object], base: Callable[[], object]) -> float:
    """Return the median, over many rounds, of the duration of ``work`` divided by ``base``."""
    return statistics.median(turn(work, base) for _ in range(ROUNDS))


def parsed(content: bytes) -> DatasetPage:
    """Decode the page, as a call does."""
    page: DatasetPage = decode("list_datasets", content, DatasetPage)
    return page


def with_list(content: bytes) -> object:
    """Decode the page and access its list of datasets."""
    page = parsed(content)
    return page, page.data


def with_five(content: bytes) -> object:
    """Decode the page and read five fields of each dataset."""
    read = attrgetter(*FIELDS)
    page = parsed(content)
    return page, [read(one) for one in page.data]


Plan = tuple[Callable[[Any], tuple[Any, ...]], list[int], list[int]]
_PLANS: dict[type[View], Plan] = {}


def _plan(view: View) -> Plan:
    """Return a getter of all attributes of a view, and the positions of objects and lists."""
    # Fields that only older portals send are missing here.
    fields = [one for one in declared(type(view)).values() if hasattr(view, one.name)]
    objects: list[int] = []
    lists: list[int] = []
    for place, field in enumerate(fields):
        types = alternatives(field.type)
        items = [item for one in types if one.kind == "list" for item in alternatives(one.item)]
        if any(one.kind == "model" for one in items):
            lists.append(place)
        elif any(one.kind == "model" for one in types):
            objects.append(place)
    names = [one.name for one in fields]
    # The first name is repeated because attrgetter returns no tuple for a single name.
    return attrgetter(*names, names[0]), objects, lists


def read_all(view: View) -> None:
    """Read every attribute at any depth, with as little overhead as possible."""
    views = [view]
    while views:
        view = views.pop()
        if type(view) not in _PLANS:
            _PLANS[type(view)] = _plan(view)
        read, objects, lists = _PLANS[type(view)]
        row = read(view)
        for place in objects:
            if (inside := row[place]) is not None:
                views.append(inside)
        for place in lists:
            views += row[place] or ()


def with_all(content: bytes) -> object:
    """Decode the page and read every attribute at any depth."""
    page = parsed(content)
    read_all(page)
    return page


@asynccontextmanager
async def client_of(answer: Callable[[httpx.Request], bytes]) -> AsyncIterator[Client]:
    """Open a client whose responses come from a function instead of a portal."""

    def respond(request: httpx.Request) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return httpx.Response(200, headers=headers, content=answer(request))

    transport = httpx.MockTransport(respond)
    url = "https://portal.example/"
    async with Client(base_url=url, api_key="", rate=float("inf"), transport=transport) as client:
        yield client


async def longest_stop(work: Callable[[], Awaitable[object]]) -> float:
    """Return the longest time in seconds for which some work blocks the event loop."""
    longest = 0.0
    is_done = False

    async def beat() -> None:
        nonlocal longest
        before = time.perf_counter()
        while not is_done:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, before = max(longest, now - before), now

    beating = asyncio.create_task(beat())
    await asyncio.sleep(0)
    kept = await work()
    is_done = True
    await beating
    del kept
    return longest


async def stops(items: list[Any]) -> float:
    """Return how long pages of 1,000 datasets block the event loop, relative to JSON parsing."""
    content = orjson.dumps(page_of(items * 10))

    async def parse() -> object:
        return orjson.loads(content)

    async with client_of(lambda _: content) as client:

        async def fetch() -> object:
            page = await datasets.list_datasets(client, page_size=1000)
            return page, page.data

        return statistics.median(
            [await longest_stop(fetch) / await longest_stop(parse) for _ in range(ROUNDS // 3)]
        )


async def iteration(items: list[Any]) -> float:
    """Return the time to iterate over items with ``into()``, relative to awaiting the pages."""
    content = orjson.dumps(page_of(items, total=PAGES * len(items)) | {"next_page": "next"})
    last = orjson.dumps(page_of(items, total=PAGES * len(items)))

    def answer(request: httpx.Request) -> bytes:
        return last if request.url.params["page"] == str(PAGES) else content

    async with client_of(answer) as client:

        async def awaiting() -> None:
            for number in range(1, PAGES + 1):
                found = datasets.list_datasets(client, page=number, page_size=100)
                await found.into(Five)

        async def iterating() -> None:
            async for _ in datasets.list_datasets(client, page_size=100).into(Five):
                pass

        async def took(work: Callable[[], Awaitable[None]]) -> float:
            started = time.perf_counter()
            await work()
            return time.perf_counter() - started

        return statistics.median(
            [await took(iterating) / await took(awaiting) for _ in range(ROUNDS // 6)]
        )


def memory(content: bytes) -> float:
    """Return the memory of 10,000 datasets as views with five fields read, relative to dicts."""

    def size(make: Callable[[], object]) -> int:
        gc.collect()
        tracemalloc.start()
        kept = [make() for _ in range(100)]
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert len(kept) == 100
        return used

    def views() -> object:
        found = parsed(content).data
        for one in found:
            attrgetter(*FIELDS)(one)
        return found

    return size(views) / size(lambda: orjson.loads(content)["data"])


def rows(page: Path) -> list[Row]:
    """Measure with a recorded page of 100 datasets, and return the rows."""
    content = page.read_bytes()
    items = orjson.loads(content)["data"]
    five = [{name: item[name] for name in FIELDS} for item in items]
    masked = orjson.dumps(page_of(five))
    view = parsed(content)
    data = orjson.loads(content)
    each, raw = view.data, data["data"]
    loads = "`orjson.loads`"
    return [
        Row(
            "decoding the bytes to a `DatasetPage` with its list of `Dataset`",
            loads,
            ratio(lambda: with_list(content), lambda: orjson.loads(content)),
            1.1,
        ),
        Row(
            "the same, and reading five fields of each dataset, two of them dates",
            loads,
            ratio(lambda: with_five(content), lambda: orjson.loads(content)),
            1.2,
        ),
        Row(
            "the same, and reading all fields at any depth",
            loads,
            ratio(lambda: with_all(content), lambda: orjson.loads(content)),
            3.5,
        ),
        Row(
            f"decoding a page masked to these fields ({len(masked) // 1000} kB), and reading them",
            loads,
            ratio(lambda: with_five(masked), lambda: orjson.loads(masked)),
            4.5,
        ),
        Row(
            "`to_dict()` of the page and `orjson.dumps`",
            "`orjson.dumps` of the dict",
            ratio(lambda: orjson.dumps(view.to_dict()), lambda: orjson.dumps(data)),
            1.1,
        ),
        Row(
            "`to_dict()` of each of its datasets and `orjson.dumps`",
            "`orjson.dumps` of the dicts",
            ratio(
                lambda: [orjson.dumps(one.to_dict()) for one in each],
                lambda: [orjson.dumps(one) for one in raw],
            ),
            1.1,
        ),
        Row(
            "longest time that a page of 1,000 datasets blocks the event loop",
            loads,
            asyncio.run(stops(items)),
            1.2,
        ),
        Row("memory of 10,000 datasets with five fields read", "dicts", memory(content), 1.15),
        Row(
            "iterating over the items of masked pages with `into()`",
            "awaiting each page with `into()`",
            asyncio.run(iteration(five)),
            1.2,
        ),
    ]
