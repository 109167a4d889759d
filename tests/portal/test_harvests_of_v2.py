"""Tests of harvests of the lists of API v2 from the real portal."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import distributed
import httpx
import pyarrow.parquet as pq
import pytest
from attrs import define

from aiodatagouv import Client, DestinationError, Link, Paginator, bulk, dask
from aiodatagouv._fields.mask import parse
from aiodatagouv.api import datasets, reuses, v2
from aiodatagouv.models import DatasetWrite, ReuseWrite
from aiodatagouv.models.v2 import TopicElementWrite, TopicWrite

from ..harvests import Stop, read, stop_after
from .portal import Portal, running_portal

pytestmark = [pytest.mark.usefixtures("short"), pytest.mark.xdist_group("harvests of v2")]

List: TypeAlias = Callable[..., Awaitable[Paginator[Any, Any]]]


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """A portal that nobody else changes meanwhile."""
    with running_portal(60) as portal:
        yield portal


async def all_datasets(client: Client, **options: Any) -> Paginator[Any, Any]:
    return v2.datasets.list_datasets(client, **options)


async def all_datasets_with_objects(client: Client, **options: Any) -> Paginator[Any, Any]:
    return v2.datasets.list_datasets(client, full_objects=True, **options)


async def all_reuses(client: Client, **options: Any) -> Paginator[Any, Any]:
    return v2.reuses.list_reuses(client, **options)


async def all_topics(client: Client, **options: Any) -> Paginator[Any, Any]:
    return v2.topics.list_topics(client, **options)


async def topics_of_mine(client: Client, **options: Any) -> Paginator[Any, Any]:
    return v2.me.list_my_org_topics(client, **options)


async def elements(client: Client, **options: Any) -> Paginator[Any, Any]:
    several = [topic async for topic in v2.topics.list_topics(client)]
    largest = max(several, key=lambda topic: topic.elements.total)
    return v2.topics.list_topic_elements(client, largest.id, **options)


async def with_most_resources(client: Client) -> Link[Any]:
    several = [one async for one in v2.datasets.list_datasets(client, fields="resources")]
    return max((one.resources for one in several), key=lambda link: link.total)


async def resources(client: Client, **options: Any) -> Paginator[Any, Any]:
    linked = (await with_most_resources(client)).follow(client)
    return v2.datasets.list_resources(client, str(linked.call.path.split("/")[1]), **options)


async def resources_by_link(client: Client, **options: Any) -> Paginator[Any, Any]:
    return (await with_most_resources(client)).follow(client, **options)


SORTED = [all_datasets, all_datasets_with_objects, all_reuses, all_topics, topics_of_mine]
UNSORTED = [elements, resources, resources_by_link]


@pytest.mark.parametrize("listed", [*SORTED, *UNSORTED])
async def test_a_list_is_written_whole_also_after_an_interruption(
    admin: Client, listed: List, tmp_path: Path
) -> None:
    items = [one.to_dict() async for one in await listed(admin, page_size=1000)]
    found, ids = await listed(admin, page_size=len(items) // 3), {one["id"] for one in items}
    report = await bulk.harvest(found, tmp_path / "a.jsonl", concurrency=3)
    assert (report.complete, report.items, report.total) == (True, len(items), len(items))
    assert (report.reason is None) is (listed in SORTED)
    rows = {row["id"]: row for row in read(tmp_path / "a.jsonl")}
    assert rows == {item["id"]: item for item in items}
    with pytest.raises(Stop):
        await bulk.harvest(found, tmp_path / "a.parquet", progress=stop_after(2))
    report = await bulk.harvest(found, tmp_path / "a.parquet")
    assert (report.complete, report.items) == (True, len(items))
    assert report.resumed
    assert {row["id"] for row in read(tmp_path / "a.parquet")} == ids
    assert {row["additional_properties"] for row in read(tmp_path / "a.parquet")} == {None}


@pytest.mark.parametrize("listed", [all_datasets, all_topics, topics_of_mine])
async def test_the_parts_of_a_list_have_each_item_once(
    admin: Client, listed: List, tmp_path: Path
) -> None:
    found = await listed(admin, fields="id")
    total = (await found).total
    parts = await bulk.partition(found, 3)
    assert len(parts) == 3
    for number, part in enumerate(parts):
        report = await bulk.harvest(part, tmp_path / f"{number}.jsonl", client=admin)
        assert (report.complete, report.reason) == (True, None)
    ids = [item["id"] for path in tmp_path.glob("*.jsonl") for item in read(path)]
    assert len(ids) == len({*ids}) == total


@pytest.mark.parametrize("listed", UNSORTED)
async def test_a_list_that_the_portal_cannot_sort_is_neither_split_nor_updated(
    admin: Client, listed: List, tmp_path: Path
) -> None:
    found, path = await listed(admin), tmp_path / "a.jsonl"
    await bulk.harvest(found, path)
    with pytest.raises(ValueError, match="cannot be split: the portal cannot sort it by creation"):
        await bulk.partition(found, 2)
    with pytest.raises(DestinationError, match="cannot sort the list by changes"):
        await bulk.harvest(found, path, since="last")


async def change_topic(client: Client) -> None:
    element = TopicElementWrite(title="Une note")
    body = TopicWrite(name="Forêts", description="x", tags=["arbre"], elements=[element])
    topic = await v2.topics.create_topic(client, body=body)
    await v2.topics.update_topic(client, topic.id, body=TopicWrite.of(topic, name="Bois"))


async def change_dataset(client: Client) -> None:
    one = await anext(aiter(datasets.list_datasets(client)))
    await datasets.update_dataset(client, one.id, body=DatasetWrite.of(one, title="Autrement"))


async def change_reuse(client: Client) -> None:
    one = await anext(aiter(reuses.list_reuses(client)))
    await reuses.update_reuse(client, one.id, body=ReuseWrite(title="Autrement"))


@pytest.mark.parametrize(
    ("listed", "change", "suffix"),
    [
        (all_datasets, change_dataset, ".jsonl"),
        (all_datasets_with_objects, change_dataset, ".parquet"),
        (all_reuses, change_reuse, ".parquet"),
        (all_topics, change_topic, ".jsonl"),
    ],
)
async def test_an_updated_file_equals_a_fresh_harvest(
    admin: Client,
    listed: List,
    change: Callable[[Client], Awaitable[None]],
    suffix: str,
    tmp_path: Path,
) -> None:
    found, path, fresh = await listed(admin), tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    await bulk.harvest(found, path)
    await change(admin)
    report = await bulk.harvest(found, path, since="last")
    assert (report.complete, report.reason) == (True, None)
    assert report.added + report.changed
    await bulk.harvest(found, fresh)
    assert sorted(map(json.dumps, plain(path))) == sorted(map(json.dumps, plain(fresh)))


def plain(path: Path) -> list[Any]:
    """Return the items of a file, in the order of their ids, as JSON."""
    items = sorted(read(path), key=lambda item: str(item["id"]))
    return [json.loads(json.dumps(item, default=str, sort_keys=True)) for item in items]


@define
class Total:
    total: int


@define
class Light:
    title: str
    resources: Total
    license: str | None


async def test_items_are_decoded_into_a_class_with_links_in_it(
    admin: Client, tmp_path: Path
) -> None:
    responses: list[httpx.Response] = []
    client = admin.with_options(on_response=responses.append)
    lights = v2.datasets.list_datasets(client).into(Light)
    whole = [one async for one in v2.datasets.list_datasets(admin)]
    assert [one async for one in lights] == [
        Light(one.title, Total(one.resources.total), one.license) for one in whole
    ]
    mask = parse(responses[0].request.headers["X-Fields"])["data"]
    assert mask == {"title": None, "resources": {"total": None}, "license": None, "id": None}
    path = tmp_path / "lights.parquet"
    await bulk.harvest(lights, path)
    assert [str(field.type) for field in pq.read_schema(path)] == [
        "string", "struct<total: int64>", "string",
    ]  # fmt: skip
    assert sum(row["resources"]["total"] for row in read(path)) == sum(
        one.resources.total for one in whole
    )


def test_a_dask_cluster_shares_a_list(portal: Portal, tmp_path: Path) -> None:
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        report = dask.harvest(
            client, v2.datasets.list_datasets, tmp_path, parts=3, base_url=portal.url, rate=1000
        )
    assert (report.complete, report.operation) == (True, "v2.list_datasets")
    names = sorted(path.name for path in tmp_path.glob("*.parquet"))
    assert names == [f"part-{number:05}.parquet" for number in range(3)]
    ids = [row["id"] for name in names for row in read(tmp_path / name)]
    assert len(ids) == len({*ids}) == report.items
