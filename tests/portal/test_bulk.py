"""Tests of harvests during concurrent writes to the real portal."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from aiodatagouv import Client, bulk
from aiodatagouv.api import datasets
from aiodatagouv.models import Dataset, DatasetWrite

from ..clients import client_of
from .portal import Portal, running_portal


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """A separate portal, because the tests write to it."""
    with running_portal(datasets=120) as running:
        yield running


def items_of(path: Path) -> dict[str, dict[str, Any]]:
    """Read a file into a mapping of ids to items, and check that the ids are unique."""
    if path.suffix == ".parquet":
        items: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    else:
        items = [json.loads(line) for line in path.read_bytes().splitlines()]
    by_id = {item["id"]: item for item in items}
    assert len(by_id) == len(items)
    return by_id


class Writer:
    """Creates, updates, hides and deletes datasets at random."""

    def __init__(self, client: Client, found: dict[str, Dataset]) -> None:
        self.client = client
        # A dataset with a DOI cannot be deleted.
        self.ids = sorted(key for key, one in found.items() if not one.doi)
        self.gone: set[str] = set()
        self.changed: set[str] = set()
        self.created: set[str] = set()
        self.chance = random.Random(6)

    async def update(self, one: str, body: DatasetWrite) -> None:
        body.tags, body.temporal_coverage = [], None
        await datasets.update_dataset(self.client, one, body=body)

    async def write(self) -> None:
        one = self.ids.pop(self.chance.randrange(len(self.ids)))
        match self.chance.choice(["create", "update", "hide", "delete", "delete"]):
            case "create":
                number = len(self.created)
                body = DatasetWrite(
                    title=f"Nouveau {number}", description="Un jeu de plus.", frequency="annual"
                )
                created = await datasets.create_dataset(self.client, body=body)
                self.created.add(str(created.id))
                self.ids.append(one)
            case "update":
                await self.update(one, DatasetWrite(title=f"Autre {one}"))
                self.changed.add(one)
                self.ids.append(one)
            case "hide":
                await self.update(one, DatasetWrite(private=True))
                self.gone.add(one)
            case _:
                await datasets.delete_dataset(self.client, one)
                self.gone.add(one)


class Meanwhile(httpx.AsyncBaseTransport):
    """Transport that makes a random write before it sends each request."""

    def __init__(self, writing: Writer) -> None:
        self._writing = writing
        self._one = asyncio.Lock()
        self._transport = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._one:
            await self._writing.write()
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_what_is_there_throughout_comes_once_while_others_come_and_go(
    concurrency: int, portal: Portal, visitor: Client, admin: Client, tmp_path: Path
) -> None:
    there = await all_of(visitor)
    writing = Writer(admin, there)
    transport = Meanwhile(writing)
    async with client_of(portal.url, api_key="", transport=transport) as client:
        found = datasets.list_datasets(client, page_size=6)
        report = await bulk.harvest(found, tmp_path / "a.jsonl", concurrency=concurrency)
        assert report.complete
        assert report.reason is None
        assert len(writing.gone) > 3
        assert len(writing.created) > 1
        assert there.keys() - writing.gone <= items_of(tmp_path / "a.jsonl").keys()
        # The same holds for a stable iteration.
        before = {*await all_of(visitor)}
        writing.gone.clear()
        ids = [str(one.id) async for one in found.items(concurrency=concurrency, stable=True)]
        assert len(ids) == len({*ids})
        assert len(writing.gone) > 3
        assert before - writing.gone <= {*ids}


async def all_of(client: Client) -> dict[str, Dataset]:
    return {str(one.id): one async for one in datasets.list_datasets(client, fields="id,doi")}


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
async def test_a_file_brought_up_to_date_is_as_one_harvested_anew(
    suffix: str, visitor: Client, admin: Client, tmp_path: Path
) -> None:
    path, anew = tmp_path / f"one{suffix}", tmp_path / f"anew{suffix}"
    found = datasets.list_datasets(visitor, page_size=20)
    first = await bulk.harvest(found, path)
    writing = Writer(admin, await all_of(visitor))
    for _ in range(15):
        await writing.write()
    # Some writes do not change `last_update`, which is that of the resources or of the source.
    report = await bulk.harvest(found, path, since="last")
    await bulk.harvest(found, anew)
    brought, whole = items_of(path), items_of(anew)
    assert brought.keys() == whole.keys()
    assert report.removed == len(writing.gone)
    assert report.items == first.items - len(writing.gone) + len(writing.created)
    assert writing.created <= brought.keys()
    stale = {key for key in whole if brought[key]["title"] != whole[key]["title"]}
    assert stale == set()


async def test_what_has_not_changed_since_a_day_is_not_fetched(
    visitor: Client, tmp_path: Path
) -> None:
    path = tmp_path / "one.jsonl"
    await bulk.harvest(datasets.list_datasets(visitor), path)
    today = dt.datetime.now(dt.UTC).date()
    recent = [item for item in items_of(path).values() if latest(item).date() >= today]
    report = await bulk.harvest(datasets.list_datasets(visitor), path, since=today)
    assert report.changed == len(recent) < report.items
    assert report.removed == 0


def latest(item: dict[str, Any]) -> dt.datetime:
    """Return the date of the last change: the date that the portal sorts by, or of a write."""
    dates = [item["last_update"], item["internal"]["last_modified_internal"]]
    return max(dt.datetime.fromisoformat(date) for date in dates)
